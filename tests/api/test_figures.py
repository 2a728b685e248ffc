"""The figures of papers, of real searches and trainings."""

import io

import pandas as pd
import pytest
from rich.console import Console

from fairtune.api.drawn import pairs, progressions, strengths
from fairtune.api.figures import Wanted, draw_figures, numbers_of
from fairtune.api.run import Run
from fairtune.api.shown import Shown
from fairtune.datasets.digits import Digits
from fairtune.errors import InvalidInput
from fairtune.spec import PlugIn
from fairtune.training.folder import baseline_folder
from tests.builders import trained_baseline

pytestmark = pytest.mark.usefixtures("trained_once")


def drawn(kinds, out, *given, **wanted):
    """The files by name without their ending, and what was printed."""
    said = io.StringIO()
    files = draw_figures(kinds.split(","), Wanted(given, **wanted), Console(file=said, width=200), out)
    assert sorted(out.iterdir()) == sorted(files)
    assert all(file.stat().st_size for file in files)
    return {file.stem for file in files}, said.getvalue()


def test_baseline_and_choice_are_embedded_in_files(mixed, tmp_path):
    names, said = drawn("embedding", tmp_path, mixed.folder.path, samples=60)
    assert names == {f"embedding-{net}-by-{by}" for net in ("baseline", "chosen") for by in ("class", "group")}
    table = pd.read_csv(tmp_path / "embedding-chosen-by-class.csv")
    split = Shown.of(mixed.folder.path, "validation").split
    assert len(table) == 60 <= len(split)
    assert set(table["group"]) == set(mixed.spec.groups)
    assert "t-SNE of the embeddings of 60 samples of the validation split in the chosen" in said
    assert len(mixed.study.openings) == 1, "the test split stays as it was"


def test_a_choice_is_beside_its_baseline_as_it_was_confirmed(mixed):
    run = Run(mixed.folder.path)
    gap, accuracy = pairs([run, run])
    for chart, score in ((gap, "deo_m"), (accuracy, "accuracy")):
        confirmed = run.summary.confirmed
        assert chart.table["teacher"].tolist() == [confirmed["baseline"].test[score].mean] * 2
        assert chart.table["student"].tolist() == [confirmed["chosen"].test[score].mean] * 2
    assert set(gap.table["pair"]) == {mixed.place.name}, "runs of one name are told apart by their folders"


def test_a_baseline_that_is_not_the_teacher_is_not_called_one(mixed):
    """The trials learn from a net that is trained longer."""
    taught, own = Run(mixed.folder.path), Run(mixed.folder.path)
    own.spec = own.spec.model_copy(update={"teacher_epochs": 50})
    gap, _ = pairs([taught, own])
    assert gap.name == "baseline-and-choice-deo-m"
    assert {"baseline", "choice"} < set(gap.table)
    assert not any("teacher" in said or "student" in said for said in (gap.alt, *gap.table))


def test_what_is_not_confirmed_is_no_pair(infeasible, unfinished):
    for session in (infeasible, unfinished):
        with pytest.raises(InvalidInput, match=r"has not confirmed its .*chosen on the test split: go on with fairtune resume"):
            pairs([Run(session.folder.path)])


def test_complete_trials_are_drawn_against_the_weight(mixed):
    spread, accuracy = strengths(Run(mixed.folder.path))
    complete = [record for record in mixed.trials if record.state == "complete"]
    assert spread.table["trial"].tolist() == [record.number for record in complete] == [0, 3]
    assert spread.table["weight"].tolist() == [1.0, 4.0]
    assert accuracy.table["accuracy"].tolist() == [record.result.val["accuracy"] for record in complete]


def test_trainings_are_followed_by_what_they_recorded(mixed):
    run = Run(mixed.folder.path)
    charts = {chart.name: chart.table for chart in progressions(run)}
    assert charts.keys() == {"progression-validation", "progression-training"}
    history = mixed.study.result(3).history
    own = charts["progression-training"].query("curve == 'mfd, weight 4 (#3)'")
    assert own["training"].tolist() == [epoch.reported["accuracy"] for epoch in history]
    (validation, _) = progressions(run, [0])
    assert set(validation.table["curve"]) == {"baseline", "mfd, weight 1 (#0)"}


@pytest.mark.parametrize("number", [-1, 4])
def test_a_trial_that_was_not_trained_cannot_be_followed(mixed, number):
    with pytest.raises(InvalidInput, match=f"has no trained trial {number}: its trials are 0 to 3"):
        progressions(Run(mixed.folder.path), [number])


def test_a_single_training_is_looked_into(tmp_path, monkeypatch):
    pytest.importorskip("captum")
    monkeypatch.setenv("FAIRTUNE_DATA", str(tmp_path))
    spec = trained_baseline(tmp_path / "runs", model=PlugIn(name="cnn"))
    folder = baseline_folder(tmp_path / "runs", spec)
    names, said = drawn("attention", tmp_path / "out", folder.path, samples=3)
    assert names == {"attention"}
    assert said.startswith("attention: Grad-CAM of 3 samples of the validation split in scratch.")
    table = pd.read_csv(tmp_path / "out" / "attention.csv")
    assert len(table) == 3 * table["row"].nunique() * table["column"].nunique()
    monkeypatch.setattr(Digits, "may_be_shown", False)
    with pytest.raises(InvalidInput, match="the licence of digits does not let its pictures be passed on"):
        drawn("attention", tmp_path / "out", folder.path)


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        ("attention", "has none for these inputs: use a convolutional one"),
        ("pruning", "no weight of the net that mfd trained is 0: ffw, ffw_structured and magnitude prune"),
        ("pairs,tsne", "there is no figure 'tsne': choose among embedding, pairs, strength, progression, pruning, attention"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(mixed, tmp_path, kinds, told):
    if kinds == "attention":
        pytest.importorskip("captum")
    with pytest.raises(InvalidInput, match=told):
        drawn(kinds, tmp_path, mixed.folder.path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_of_one_run_is_not_drawn_of_two(mixed, tmp_path):
    with pytest.raises(InvalidInput, match="the figure strength is of one run, and 2 are given: give one"):
        drawn("strength", tmp_path, mixed.folder.path, mixed.folder.path)


@pytest.mark.parametrize("kind", ["embedding", "attention"])
def test_there_are_two_held_out_splits(mixed, tmp_path, kind):
    with pytest.raises(InvalidInput, match="there is no split 'train': choose validation or test"):
        drawn(kind, tmp_path, mixed.folder.path, split="train")


def test_trials_are_numbers():
    assert numbers_of("0,3,7") == [0, 3, 7]
    assert numbers_of("") == []
    with pytest.raises(InvalidInput, match="--trials 1,x: give numbers of trials joined by commas, such as 0,3,7"):
        numbers_of("1,x")
