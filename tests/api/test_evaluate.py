import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

import fairtune as ft
from fairtune.api.evaluate import Evaluation
from fairtune.cli.main import app
from fairtune.errors import DataError, InvalidInput
from fairtune.metrics import ESTIMATES, SCORES
from fairtune.names import Names
from fairtune.records import GroupCounts
from fairtune.spec import PlugIn
from fairtune.study.folders import RunFolder
from fairtune.study.opening import Openings
from fairtune.training.folder import TrialFolder
from tests.search_helpers import Session, small_search


@pytest.fixture
def run(searched, tmp_path):
    """A run of one's own, to open the test split of."""
    return ft.open_run(shutil.copytree(searched.folder.path, tmp_path / "moved"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return ft.train(dataset="digits", method="ss", epochs=1, runs=tmp_path_factory.mktemp("single"))


def test_the_test_split_is_scored_and_its_opening_noted_in_the_run(run):
    before = run.summary.test_opened
    found = ft.evaluate(run, split="test")
    confirmed = next(iter(run.summary.confirmed.values()))
    assert set(found.scores) - ESTIMATES == set(confirmed.test)
    opened = ft.open_run(run.path).summary.test_opened
    assert opened[:-1] == before
    assert (opened[-1].roles, opened[-1].jobs) == (("evaluated",), ())
    assert found.counts.hard.sum() != ft.evaluate(run).counts.hard.sum()


def test_a_search_that_has_not_ended_stays_sealed(tmp_path):
    session = Session(*small_search(tmp_path)).run(2)
    with pytest.raises(InvalidInput, match="no chosen model"):
        ft.evaluate(session.folder.path, split="test")
    with pytest.raises(InvalidInput, match="has not ended: its test split stays sealed until its choice is made; go on with"):
        ft.evaluate(session.folder.trial(0).path, split="test")
    assert not session.study.openings
    assert ft.evaluate(session.folder.trial(0).path).split == "validation"


def test_a_baseline_is_of_the_searches_beside_it(tmp_path):
    session = Session(*small_search(tmp_path, trials=1)).run(1)
    baseline = next((tmp_path / "baselines").iterdir())
    with pytest.raises(InvalidInput, match="the search run has not ended: its test split stays sealed"):
        ft.evaluate(baseline, split="test")
    assert not TrialFolder(baseline).openings.exists()
    session.run()
    before = len(session.study.openings)
    ft.evaluate(baseline, split="test")
    assert len(ft.open_run(session.folder.path).summary.test_opened) == before + 1
    assert len(Openings.read(TrialFolder(baseline).openings).root) == 1


def test_a_training_is_found_by_its_folder_and_by_its_weights(trained):
    expected = ft.evaluate(trained).scores
    assert ft.evaluate(trained.folder.path).scores == ft.evaluate(trained.folder.weights).scores == expected
    assert not trained.folder.openings.exists()
    tested = ft.evaluate(trained.folder.weights, split="test")
    assert tested.scores == ft.evaluate(trained, split="test").scores != expected
    assert len(Openings.read(trained.folder.openings).root) == 2


def test_a_trial_of_a_run_is_noted_in_the_run(run):
    folder = RunFolder(run.path).trial(run.chosen.number)
    ft.evaluate(folder.weights, split="test")
    assert run.summary.test_opened[-1].roles == ("evaluated",)
    assert not folder.openings.exists()


def test_a_model_alone_is_not_tested(trained):
    with pytest.raises(InvalidInput, match="of a model alone nobody would know that its test split was opened"):
        ft.evaluate(trained.model(), split="test")


def test_nothing_is_noted_where_there_are_no_data(trained, tmp_path):
    own = TrialFolder(shutil.copytree(trained.folder.path, tmp_path / "own"))
    own.openings.unlink(missing_ok=True)
    kept = json.loads(own.result.read_text())
    kept["spec"]["dataset"] = PlugIn(**{**kept["spec"]["dataset"], "digest": "digits-0"}).model_dump()
    own.result.write_text(json.dumps(kept))
    (own.path / f".{own.result.name}.seal").unlink()
    with pytest.raises(DataError):
        ft.evaluate(own.path, split="test")
    assert not own.openings.exists()


@pytest.mark.parametrize("what", ["nothing", "file"])
def test_what_is_no_model_is_refused(trained, tmp_path, what):
    given = tmp_path / "nothing" if what == "nothing" else trained.folder.result
    with pytest.raises(InvalidInput, match=r"holds no trained model: give the folder of a run .*weights.safetensors in it"):
        ft.evaluate(given)


def test_intervals_hold_the_scores(trained):
    found = ft.evaluate(trained).intervals
    assert list(found.index) == [name for name in SCORES if name not in ESTIMATES and not SCORES[name].two_classes]
    known = found.dropna()
    assert ((known.low <= known.value) & (known.value <= known.high)).all()
    assert set(found.index) - set(known.index) == {"loss", "mutual_information", "private_accuracy", "private_auc"}


def test_a_model_that_calls_all_samples_alike_is_of_no_use():
    table = np.array([[[0, 30], [0, 30]], [[0, 30], [0, 30]]])
    found = Evaluation({}, GroupCounts(table, table.astype(float)), Names(("cat", "dog"), ("day", "night")))
    assert found.remarks == ["every sample is called class 1 (dog): such a model treats all groups alike, and is of no use"]


def test_the_command_prints_scores_and_cells(trained):
    def said(*options):
        return CliRunner().invoke(app, ["evaluate", str(trained.folder.weights), *options]).output

    text = said()
    assert "scores (validation)" in text
    assert f"{ft.evaluate(trained).scores['deo_m']:.4f}" in text
    assert "the test split was opened" not in text
    assert "validation: 10 cells have fewer than 25 samples, too few to conclude from" in text
    assert "the test split was opened" in said("--split", "test")
    assert "there is no split 'tset': choose validation or test" in said("--split", "tset")
