"""A model handed over with its thresholds moved decides as the search's own table of moved thresholds does."""

import csv
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from typer.testing import CliRunner

import fairtune as ft
from fairtune.api.export import CARD, ONNX, PROGRAM, SCRIPT, SPEC
from fairtune.api.moved import with_thresholds
from fairtune.api.offsets import Offsets
from fairtune.api.program import difference, program_of, save_program
from fairtune.api.raw import RawModel
from fairtune.cli.main import app
from fairtune.datasets import Dataset, open_part
from fairtune.errors import FairtuneError, InvalidInput
from fairtune.models import Net
from fairtune.records import Purpose
from fairtune.report.card import render_script
from fairtune.testing.trainings import NO_FILES
from fairtune.thresholds import WAYS, GroupOffsets, MergedOffsets, Scored
from fairtune.training.data import open_data
from tests.api.test_export import alone
from tests.search_helpers import run_small, trained_once

KEPT = ("shared_thresholds", "group_thresholds")
TOLD = {"shared_thresholds": False, "group_thresholds": True}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A search that moved the thresholds of the very net that it hands over."""
    with trained_once():
        session = run_small(tmp_path_factory.mktemp("moved"), trials=1, post_process="every")
    return ft.open_run(session.folder.path)


@pytest.fixture(scope="module")
def exports(run, tmp_path_factory):
    return {way: run.export(tmp_path_factory.mktemp(way), thresholds=way) for way in KEPT}


@pytest.fixture(scope="module")
def test_split(run):
    dataset = Dataset.load("digits")(**run.spec.dataset.options)
    return dataset.test_split(open_part(dataset, NO_FILES, "test", purpose=Purpose.FINAL), dataset.describe(NO_FILES))


@pytest.fixture(scope="module")
def photos(test_split, tmp_path_factory):
    """Images of the test split with the table of their groups."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(8):
        Image.fromarray(test_split.pool[test_split.rows[number]]).save(folder / f"{number}.png")
    return folder


def table_of(folder, groups, where=None):
    table = (where or folder) / "groups.csv"
    rows = [f"{folder / f'{number}.png'},{group}\n" for number, group in enumerate(groups)]
    table.write_text("path,group\n" + "".join(rows))
    return table


def handed(run):
    return run._handed().result


def given(way, split):
    """What an exported program is given for a split."""
    images = torch.from_numpy(split.pool[split.rows])
    return (images, torch.from_numpy(split.a)) if TOLD[way] else (images,)


@pytest.mark.parametrize("way", KEPT)
def test_the_program_scores_on_test_what_the_search_scored_of_moved_thresholds(run, exports, test_split, way):
    decided = torch.export.load(exports[way] / PROGRAM).module()(*given(way, test_split)).argmax(1).numpy()
    said = json.loads((exports[way] / SPEC).read_text())["thresholds"]
    recorded = next(one for one in handed(run).moved if (one.way, one.weight) == (way, said["weight"]))
    assert (decided == test_split.y).mean() == pytest.approx(recorded.test["accuracy"], abs=1e-12)
    for group, label in np.ndindex(test_split.num_groups, test_split.num_classes):
        own = decided[(test_split.a == group) & (test_split.y == label)]
        found = np.bincount(own, minlength=test_split.num_classes)
        assert (found == recorded.test_counts.hard[group, label]).all()
    assert said["test"]["after"] == recorded.test
    assert said["test"]["before"] == {name: handed(run).test[name] for name in recorded.test}
    assert said["validation"]["after"] == pytest.approx(recorded.val)


@pytest.mark.parametrize("way", KEPT)
def test_onnx_decides_as_the_program(exports, test_split, way):
    pytest.importorskip("onnxscript", reason="ONNX is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    session = runtime.InferenceSession(exports[way] / ONNX)
    assert [one.name for one in session.get_inputs()] == (["inputs", "group"] if TOLD[way] else ["inputs"])
    inputs = dict(zip(("inputs", "group"), (part.numpy() for part in given(way, test_split)), strict=False))
    (found,) = session.run(["probabilities"], inputs)
    expected = torch.export.load(exports[way] / PROGRAM).module()(*given(way, test_split)).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6, rtol=0)
    if TOLD[way]:
        with pytest.raises(ValueError, match=r"group"):
            session.run(["probabilities"], {"inputs": inputs["inputs"]})
        (found,) = session.run(["probabilities"], {"inputs": inputs["inputs"][:2], "group": np.array([-1, 0])})
        assert np.isnan(found).all(axis=1).tolist() == [True, False]


def test_a_program_by_group_answers_nothing_without_a_group(exports, test_split):
    program = torch.export.load(exports["group_thresholds"] / PROGRAM).module()
    images, groups = given("group_thresholds", test_split)
    with pytest.raises(ValueError, match="same number and type of args"):
        program(images)
    unknown = program(images[:3], torch.tensor([-1, test_split.num_groups, 0]))
    assert unknown.isnan().all(dim=1).tolist() == [True, True, False]
    others = program(images, (groups + 1) % test_split.num_groups)
    assert (others - program(images, groups)).abs().max() > 1e-3


@pytest.mark.parametrize("way", KEPT)
def test_the_model_in_python_is_the_program(run, exports, test_split, way):
    model = run.model(thresholds=way)
    groups = [model.groups[a] for a in test_split.a] if TOLD[way] else None
    found = model.predict(test_split.pool[test_split.rows], groups)
    expected = torch.export.load(exports[way] / PROGRAM).module()(*given(way, test_split)).detach().numpy()
    np.testing.assert_allclose(found.probabilities.to_numpy(), expected, atol=1e-6, rtol=0)
    assert (found.probabilities.to_numpy().argmax(1) == expected.argmax(1)).all()
    assert way in repr(model)


@pytest.mark.parametrize("way", KEPT)
def test_the_values_are_there_beside_the_unmoved_weights(run, exports, way):
    said = json.loads((exports[way] / SPEC).read_text())
    assert said["thresholds"]["needs_group"] == TOLD[way] == (said["group"] is not None)
    samples = len(open_data(handed(run).spec, NO_FILES).validation)
    assert said["thresholds"]["fitted_on"] == {"split": "validation", "samples": samples}
    values = load_file(exports[way] / said["thresholds"]["values"])
    fitted = run.model(thresholds=way).thresholds.adjustment
    assert {name: value.tolist() for name, value in values.items()} == {
        name: getattr(fitted, name).tolist() for name in (("offsets",) if TOLD[way] else ("weight", "bias"))
    }


def test_the_card_says_that_the_group_is_needed_and_what_it_was_fitted_on(run, exports):
    card = (exports["group_thresholds"] / CARD).read_text()
    model = run.model(thresholds="group_thresholds")
    tested = model.thresholds.tested(handed(run))
    assert "**This model decides by group.**" in card
    assert "Its second input is the number of the group of each" in card
    assert "python predict.py FOLDER GROUPS.csv" in card
    assert f"fitted on the {model.thresholds.before.hard.sum()} samples of the validation split" in card
    for group, row in zip(model.groups, model.thresholds.adjustment.offsets, strict=True):
        assert f"| {group} | {' | '.join(f'{value:.4f}' for value in row)} |" in card
    without, moved = model.thresholds.val
    for name, title in (("accuracy", "accuracy | higher"), ("deo_m", "DEO_M | lower")):
        pairs = (without[name], moved[name], handed(run).test[name], tested.test[name])
        assert f"| {title} | {' | '.join(f'{value:.4f}' for value in pairs)} |" in card
    assert "## Results before its thresholds were moved" in card
    assert "{{" not in card


@pytest.mark.parametrize("way", KEPT)
def test_the_card_says_where_the_net_is_no_fairer_for_it(run, exports, way):
    tested = run.model(thresholds=way).thresholds.tested(handed(run))
    fairer = tested.test["deo_m"] < handed(run).test["deo_m"]
    assert (f"**{way} made this net no fairer: on test it has DEO_M" in (exports[way] / CARD).read_text()) != fairer


def test_the_card_of_shared_thresholds_asks_for_no_group(exports):
    card = (exports["shared_thresholds"] / CARD).read_text()
    assert "the group is inferred" in card
    assert "decides by group" not in card
    assert "GROUPS.csv" not in card


def test_what_the_search_did_not_move_has_no_test_scores(searched, tmp_path):
    run = ft.open_run(searched.folder.path)
    to = run.export(tmp_path, thresholds="shared_thresholds")
    assert json.loads((to / SPEC).read_text())["thresholds"]["test"] is None
    card = (to / CARD).read_text()
    assert "How it does on the test split with its thresholds moved is not known" in card
    assert "test, before" not in card


def test_the_script_predicts_by_group_and_not_without(run, exports, photos, tmp_path):
    model = run.model(thresholds="group_thresholds")
    groups = [model.groups[number % len(model.groups)] for number in range(8)]
    table = table_of(photos, groups, tmp_path)
    rows = alone(exports["group_thresholds"] / SCRIPT, photos, table)
    expected = model.predict([Image.open(photos / f"{number}.png") for number in range(8)], groups)
    assert [row[1] for row in rows] == expected.labels
    assert [float(row[2]) for row in rows] == pytest.approx(expected.probabilities.max(axis=1).tolist(), abs=1.1e-6)


def test_the_script_predicts_vectors_by_group(tmp_path):
    torch.manual_seed(0)
    raw = RawModel(Net.load("mlp3").build((6,), 2), (6,), None, torch.float32, Offsets.of(GroupOffsets(np.diag([3.0, 3.0]))))
    save_program(program_of(raw, (6,), "mlp3"), tmp_path / PROGRAM)
    (tmp_path / SPEC).write_text(json.dumps({"classes": ["no", "yes"], "groups": ["f", "m"]}))
    (tmp_path / SCRIPT).write_text(render_script(None, by_group=True))
    np.savetxt(tmp_path / "vectors.csv", np.ones((3, 6)), delimiter=",")
    (tmp_path / "groups.csv").write_text("f\nm\nf\n")
    rows = alone(tmp_path / SCRIPT, tmp_path / "vectors.csv", tmp_path / "groups.csv")
    assert [row[1] for row in rows] == ["no", "yes", "no"]


@pytest.mark.slow
def test_the_script_refuses_to_predict_without_groups(exports, photos, tmp_path):
    with pytest.raises(AssertionError, match=r"python predict\.py FOLDER GROUPS\.csv.* with the columns path and group"):
        alone(exports["group_thresholds"] / SCRIPT, photos)
    groups = json.loads((exports["group_thresholds"] / SPEC).read_text())["groups"]
    with pytest.raises(AssertionError, match=r"1.png: its group in .* is None, and has to be one of"):
        alone(exports["group_thresholds"] / SCRIPT, photos, table_of(photos, groups[:1], tmp_path))


def said_by(*arguments, code=0):
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.stdout if code == 0 else done.stderr


def test_predict_moves_thresholds_by_the_groups_of_a_table(run, photos, tmp_path):
    model = run.model(thresholds="group_thresholds")
    groups = [model.groups[number % len(model.groups)] for number in range(8)]
    table = table_of(photos, groups, tmp_path)
    told = said_by("predict", run.path, photos, "--thresholds", "group_thresholds", "--groups", table)
    expected = model.predict([Image.open(photos / f"{number}.png") for number in range(8)], groups).labels
    assert [row[1] for row in csv.reader(told.splitlines())][1:] == expected


@pytest.mark.parametrize("name", sorted(WAYS))
def test_evaluate_scores_on_test_what_the_search_did(run, tmp_path, name):
    own = ft.open_run(shutil.copytree(run.path, tmp_path / "own"))
    found = ft.evaluate(own, split="test", thresholds=name)
    recorded = [one for one in handed(run).moved if one.way == name]
    assert any(found.scores["deo_m"] == pytest.approx(one.test["deo_m"], abs=1e-12) for one in recorded)
    assert any((found.counts.hard == one.test_counts.hard).all() for one in recorded)
    assert own.summary.test_opened[-1].roles == ("evaluated",)
    validation = ft.evaluate(own, thresholds=name)
    assert any(validation.scores["accuracy"] == pytest.approx(one.val["accuracy"]) for one in recorded)


def test_evaluate_names_the_way_and_what_it_needs(run):
    told = " ".join(said_by("evaluate", run.path, "--thresholds", "drawn_thresholds").split())
    assert "drawn_thresholds: the group must be known at prediction, and lots are drawn" in told


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["export", "--thresholds", "group_treshold"],
            "unknown way to move thresholds 'group_treshold': did you mean 'group_thresholds'",
        ),
        (["evaluate", "--thresholds", "shared"], "unknown way to move thresholds 'shared': "),
        (["export", "--thresholds", "drawn_thresholds"], "--thresholds drawn_thresholds draws lots, so that a model would answer"),
        (
            ["predict", "PHOTOS", "--thresholds", "drawn_thresholds"],
            "take shared_thresholds (the group is inferred) or group_thresholds",
        ),
        (
            ["predict", "PHOTOS", "--thresholds", "group_thresholds"],
            "the model decides by group: give the group of each sample, one of",
        ),
        (
            ["predict", "PHOTOS", "--thresholds", "shared_thresholds", "--groups", "TABLE"],
            "does not decide by group: leave the groups out",
        ),
        (["predict", "PHOTOS", "--thresholds", "group_thresholds", "--groups", "TABLE"], "no such group: 'x'; the model knows"),
        (["predict", "PHOTOS", "--thresholds", "group_thresholds", "--groups", "SHORT"], "no group for"),
        (["predict", "PHOTOS", "--thresholds", "group_thresholds", "--groups", "TWICE"], "two groups for"),
        (
            ["predict", "PHOTOS", "--thresholds", "group_thresholds", "--groups", "gone.csv"],
            "--groups gone.csv: there is no such file",
        ),
        (["predict", "PHOTOS", "--thresholds", "group_thresholds", "--groups", "NAMELESS"], "unknown column 'group'"),
    ],
)
def test_what_cannot_be_is_said(run, photos, tmp_path, arguments, reason):
    table = table_of(photos, ["x"] * 8, tmp_path)
    rows = table.read_text().splitlines()
    files = {"SHORT": rows[:4], "TWICE": [*rows, f"{rows[-1]}y"], "NAMELESS": ["path,gruop", *rows[1:]]}
    for name, lines in files.items():
        (tmp_path / name).with_suffix(".csv").write_text("\n".join(lines) + "\n")
    places = {"PHOTOS": photos, "TABLE": table} | {name: tmp_path / f"{name}.csv" for name in files}
    command, *others = (places.get(one, one) for one in arguments)
    assert reason in " ".join(said_by(command, run.path, *others, code=2).split())


def test_a_way_that_misses_the_floor_is_not_taken(tmp_path):
    with trained_once():
        session = run_small(tmp_path, trials=1, accuracy_floor="0")
    run = ft.open_run(session.folder.path)
    model = run.model()
    with pytest.raises(InvalidInput, match=r"--thresholds shared_thresholds: .* at most, and the floor on this split is 1.0100"):
        with_thresholds(model, "shared_thresholds", run.spec, 1.01)


def test_a_training_of_no_search_has_nothing_to_pick_by(tmp_path):
    trained = ft.train(dataset="digits", method="ss", epochs=1, runs=tmp_path)
    with pytest.raises(InvalidInput, match=r"of 0 searches: give the folder of a run, or weights in one"):
        ft.evaluate(trained, thresholds="shared_thresholds")


@pytest.mark.parametrize("way", KEPT)
def test_a_program_of_other_thresholds_is_refused(way, tmp_path):
    torch.manual_seed(0)
    net = Net.load("mlp3").build((6,), 2)
    width = net.head.in_features
    made = {
        "group_thresholds": lambda move: GroupOffsets(np.array([[0.0, 0.3], [move, 0.0]])),
        "shared_thresholds": lambda move: MergedOffsets(np.full((2, width), 0.1), np.array([0.0, move])),
    }[way]
    raw = RawModel(net, (6,), None, torch.float32, Offsets.of(made(0.2))).eval()
    save_program(program_of(raw, (6,), "mlp3"), tmp_path / "model.pt2")
    assert difference(raw, (6,), tmp_path / "model.pt2", made(0.2)) <= 1e-6
    with pytest.raises(FairtuneError, match="probabilities differ by"):
        difference(raw, (6,), tmp_path / "model.pt2", made(0.3))


def test_offsets_move_as_the_adjustments_do():
    rng = np.random.default_rng(0)
    logits, embedding, a = rng.normal(size=(40, 3)), rng.normal(size=(40, 5)), rng.integers(2, size=40)
    scored = Scored(logits, embedding, np.zeros_like(a), a, 2)
    for adjustment in (GroupOffsets(rng.normal(size=(2, 3))), MergedOffsets(rng.normal(size=(3, 5)), rng.normal(size=3))):
        moved = Offsets.of(adjustment)(*map(torch.from_numpy, (logits, embedding, a)))
        np.testing.assert_allclose(moved.softmax(1).numpy(), adjustment(scored).probabilities, atol=1e-12)
