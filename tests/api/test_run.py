import json
import shutil

import numpy as np
import pytest
from PIL import Image

import fairtune as ft
from fairtune.datasets import Dataset, open_splits
from fairtune.errors import DataError, InvalidInput
from fairtune.study.folders import RunFolder
from fairtune.testing.trainings import NO_FILES
from tests.search_helpers import Session, run_small, small_search

pytestmark = pytest.mark.usefixtures("trained_once")


@pytest.fixture
def run(searched):
    return ft.open_run(searched.folder.path)


@pytest.fixture
def validation(searched):
    options = searched.spec.dataset.options
    split = open_splits(Dataset.load("digits")(**options), NO_FILES)["validation"]
    return split, split.pool[split.rows]


def test_the_trials_and_the_front_are_tables(run, searched):
    assert run.trials.index.tolist() == [0, 1, 2]
    assert run.trials.deo_m.tolist() == [record.result.val["deo_m"] for record in searched.trials]
    assert run.front.deo_m_shrunken.is_monotonic_increasing
    assert run.front.index.tolist() == run.summary.front


def test_what_was_chosen_and_confirmed(run, searched):
    assert run.chosen.number == searched.study.choice.number
    row = run.confirmed.loc["chosen", "accuracy"]
    assert row["low"] <= row["mean"] <= row["high"]
    assert row["seeds"] == 1


def test_a_figure_shows_itself_in_a_notebook(run):
    figure = run.plot()
    assert [axes.get_title(loc="left")[:6] for axes in figure.axes] == ["trials", "confir"]
    assert figure._repr_png_().startswith(b"\x89PNG")


def handed_result(searched):
    """Of the retraining whose net is handed over."""
    return searched.study.finals[ft.open_run(searched.folder.path).summary.handed.job]


def test_the_model_is_the_retraining_on_the_first_seed(run, searched):
    final = handed_result(searched)
    assert (final.spec.seed, run.model().spec) == (1, final.spec)
    assert final.test["accuracy"] == run.summary.handed.test["accuracy"].mean


def test_the_model_predicts_what_was_scored(run, searched, validation):
    split, images = validation
    labels, probabilities = run.model().predict(images)
    right = np.array([int(label) for label in labels]) == split.y
    assert right.mean() == pytest.approx(handed_result(searched).val["sample_accuracy"])
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert probabilities.columns.tolist() == list("0123456789")


def test_the_model_needs_no_data_and_may_move(run, tmp_path, monkeypatch):
    moved = shutil.copytree(run.path, tmp_path / "elsewhere")
    monkeypatch.setattr("fairtune.datasets.digits.Digits.describe", None)
    model = ft.open_run(moved).model()
    assert (model.classes, model.groups, model.shape) == (tuple("0123456789"), ("red", "green"), (3, 8, 8))
    assert "mlp of 10 classes, trained by mfd" in repr(model)


def test_images_of_another_size_are_resized(run, validation):
    _, images = validation
    small = [Image.fromarray(image) for image in images[:40]]
    large = [image.resize((32, 32), Image.Resampling.BICUBIC) for image in small]
    model = run.model()
    agree = np.mean([one == other for one, other in zip(model.predict(small).labels, model.predict(large).labels, strict=True)])
    assert agree > 0.8


def test_a_run_of_a_version_that_kept_no_names_asks_its_dataset(run, tmp_path):
    moved = shutil.copytree(run.path, tmp_path / "old")
    spec, place = RunFolder(moved).load()
    RunFolder(moved).save(spec.model_copy(update={"classes": (), "groups": (), "shape": ()}), place)
    kept = json.loads((moved / "spec.json").read_text())
    for name in ("classes", "groups", "shape"):
        del kept[name]
    (moved / "spec.json").write_text(json.dumps(kept))
    assert ft.open_run(moved).model().classes == tuple("0123456789")
    assert ft.open_run(moved).summary.classes == ()


def test_evaluating_says_what_the_search_said(run, searched):
    found = ft.evaluate(run)
    for name, value in found.scores.items():
        assert value == pytest.approx(handed_result(searched).val[name], rel=1e-6), name
    assert found.counts.cells.tolist() == [found.cells.xs(group, level="group").samples.tolist() for group in ("red", "green")]
    assert found.cells.loc[("3", "green"), "accuracy"] == found.counts.hard[1, 3, 3] / found.counts.cells[1, 3]


def test_a_run_without_a_choice_has_no_model(tmp_path):
    done = run_small(tmp_path, accuracy_floor="1", trials=1, epochs=1)
    run = ft.open_run(str(done.folder.path))
    assert run.chosen is None
    for wanted in (run.model, run.export):
        with pytest.raises(
            InvalidInput, match="the run run has no chosen model: no trial reached the floor; lower --accuracy-floor"
        ):
            wanted()


def test_a_run_that_has_not_begun_says_so(tmp_path):
    session = Session(*small_search(tmp_path))
    run = ft.open_run(session.folder.path)
    with pytest.raises(InvalidInput, match="no baseline yet"):
        run.trials  # noqa: B018
    with pytest.raises(InvalidInput, match="holds no search"):
        ft.open_run(tmp_path)


def test_a_run_under_way_stands_where_it_is(tmp_path):
    session = Session(*small_search(tmp_path)).run(2)
    run = ft.open_run(session.folder.path)
    assert (len(run.trials), run.chosen, len(run.confirmed)) == (1, None, 0)
    session.run(1)
    assert len(run.trials) == 2


def test_weights_that_are_gone_are_named(run, tmp_path):
    moved = shutil.copytree(run.path, tmp_path / "moved")
    shutil.rmtree(moved / "finals")
    RunFolder(moved).trial(run.chosen.number).weights.unlink()
    with pytest.raises(InvalidInput, match=r"its weights are gone, no whole .*weights.safetensors; put the file back"):
        ft.open_run(moved).model()


def test_a_run_that_still_searches_has_no_model(tmp_path):
    session = Session(*small_search(tmp_path)).run(2)
    with pytest.raises(InvalidInput, match=r"no chosen model: its trials have not ended, go on with fairtune resume .*run$"):
        ft.open_run(session.folder.path).model()


def test_data_that_are_not_there_are_named(tmp_path):
    trained = ft.train(dataset="digits", method="ss", epochs=1, runs=tmp_path)
    assert ft.evaluate(trained).scores["accuracy"] == pytest.approx(trained.scores["accuracy"])
    model = trained.model()
    other = model.spec.model_copy(update={"dataset": model.spec.dataset.model_copy(update={"digest": "digits-0"})})
    with pytest.raises(DataError):
        ft.evaluate(type(model)(model.net, model.classes, model.groups, model.shape, other, model.data))
