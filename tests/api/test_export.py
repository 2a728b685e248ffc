"""The exported model, run without fairtune, gives what the search scored."""

import csv
import importlib.util
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import fairtune as ft
from fairtune.api.export import CARD, FILES, ONNX, PROGRAM, SCRIPT, SPEC, THRESHOLDS, WEIGHTS
from fairtune.datasets import Dataset, open_part
from fairtune.errors import InvalidInput
from fairtune.models import Net
from fairtune.names import Names
from fairtune.records import Purpose
from fairtune.report.card import render_card
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.handed import handed_net
from fairtune.study.opening import Openings
from fairtune.study.study import SearchStudy
from fairtune.testing.trainings import NO_FILES
from fairtune.training.folder import TrialFolder

BLOCKED = ("fairtune", "ray", "optuna", "mlflow")
ALONE = f"""
import runpy, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED}:
            raise ImportError(name + " is not for this process")
sys.meta_path.insert(0, Refuse())
script, sys.argv = sys.argv[1], sys.argv[1:]
runpy.run_path(script, run_name="__main__")
assert not set({BLOCKED}) & set(sys.modules)
"""


def ran(script, *arguments):
    """A script run in a process that cannot import fairtune, Ray, Optuna or MLflow."""
    command = [sys.executable, "-I", "-c", ALONE, str(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def alone(script, *arguments):
    """What it prints."""
    done = ran(script, *arguments)
    assert done.returncode == 0, done.stderr
    return list(csv.reader(done.stdout.splitlines(), delimiter="\t"))


@pytest.fixture(scope="module")
def run(searched):
    return ft.open_run(searched.folder.path)


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    return run.export(tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="module")
def test_split(searched):
    dataset = Dataset.load("digits")(**searched.spec.dataset.options)
    return dataset.test_split(open_part(dataset, NO_FILES, "test", purpose=Purpose.FINAL), dataset.describe(NO_FILES))


def test_every_file_is_there(exported):
    with_onnx = importlib.util.find_spec("onnx") is not None
    assert {path.name for path in exported.iterdir()} == set(FILES) - {THRESHOLDS} - (set() if with_onnx else {ONNX})
    assert ("model.onnx" in (exported / CARD).read_text()) == with_onnx


def test_it_gives_the_scores_that_the_search_told(run, exported, test_split):
    program = torch.export.load(exported / PROGRAM).module()
    images = torch.from_numpy(test_split.pool[test_split.rows])
    probabilities = program(images)
    handed = run.summary.handed
    right = probabilities.argmax(1).numpy() == test_split.y
    assert right.mean() == pytest.approx(handed.test["accuracy"].mean, abs=1e-12)
    for cell in handed.cells:
        inside = (test_split.y == cell.y) & (test_split.a == cell.a)
        assert (inside.sum(), right[inside].mean()) == (cell.samples, pytest.approx(cell.accuracy, abs=1e-12))
    expected = run.model().predict(images).probabilities.to_numpy()
    np.testing.assert_allclose(probabilities.detach().numpy(), expected, atol=1e-6, rtol=0)
    final = run.summary.confirmed["chosen"].test["accuracy"]
    assert handed.test["accuracy"].mean == final.values[0]


@pytest.mark.parametrize("count", [1, 7])
@pytest.mark.parametrize("size", [(8, 8), (1, 3), (40, 31)])
def test_it_takes_any_number_of_images_of_any_size(run, exported, count, size):
    program = torch.export.load(exported / PROGRAM).module()
    images = np.random.default_rng(0).integers(0, 256, (count, *size, 3), dtype=np.uint8)
    expected = run.model().predict(images).probabilities.to_numpy()
    np.testing.assert_allclose(program(torch.from_numpy(images)).detach().numpy(), expected, atol=1e-6, rtol=0)


def test_the_script_predicts_a_folder_without_fairtune(run, exported, test_split, tmp_path):
    images = test_split.pool[test_split.rows[:12]]
    for number, image in enumerate(images):
        Image.fromarray(image).resize((8, 8) if number % 2 else (21, 30)).save(tmp_path / f"{number:02d}.png")
    (tmp_path / "notes.txt").write_text("no image")
    rows = alone(exported / SCRIPT, tmp_path)
    files = sorted(tmp_path.glob("*.png"))
    expected = run.model().predict([Image.open(file) for file in files])
    assert [row[:2] for row in rows] == [[str(file), label] for file, label in zip(files, expected.labels, strict=True)]
    most = expected.probabilities.max(axis=1)
    assert [float(row[2]) for row in rows] == pytest.approx(most.tolist(), abs=1.1e-6)


def test_the_script_predicts_the_others_where_a_file_cannot_be_read(exported, test_split, tmp_path):
    for name in ("a.png", "c.png"):
        Image.fromarray(test_split.pool[test_split.rows[0]]).save(tmp_path / name)
    (tmp_path / "b.png").write_bytes(b"no picture")
    done = ran(exported / SCRIPT, tmp_path)
    assert done.returncode == 1
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [str(tmp_path / "a.png"), str(tmp_path / "c.png")]
    first, last = done.stderr.splitlines()
    assert first.startswith(f"{tmp_path / 'b.png'}: cannot be read: ")
    assert last == "1 of 3 files cannot be read"


@pytest.mark.slow
def test_the_script_takes_one_image_and_says_what_it_needs(exported, test_split, tmp_path):
    Image.fromarray(test_split.pool[test_split.rows[0]]).save(tmp_path / "a.png")
    ((path, *_),) = alone(exported / SCRIPT, tmp_path / "a.png")
    assert path == str(tmp_path / "a.png")
    (tmp_path / "empty").mkdir()
    told = {
        (): "python predict.py FOLDER",
        (tmp_path / "empty",): "empty: no file in it is an image",
        (tmp_path / "none",): "none: there is no such folder or image",
    }
    for arguments, reason in told.items():
        done = ran(exported / SCRIPT, *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert reason in done.stderr
        assert "Traceback" not in done.stderr


def test_what_was_exported_is_evaluated_as_its_run_is(run, exported, tmp_path):
    handed_on = shutil.copytree(exported, tmp_path / "handed-on")
    assert ft.evaluate(handed_on / WEIGHTS).scores == ft.evaluate(run).scores
    found = ft.evaluate(handed_on, split="test").scores
    assert {name: found[name] for name in ("accuracy", "deo_m")} == {
        name: run.summary.handed.test[name].mean for name in ("accuracy", "deo_m")
    }
    assert len(Openings.read(TrialFolder(handed_on).openings).root) == 1


def test_an_export_that_cannot_be_evaluated_is_refused(exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "handed-on")
    written = json.loads((folder / SPEC).read_text())
    for changed, reason in (
        ({"thresholds": {"way": "group_thresholds"}}, "a net whose thresholds were moved: give its run, "),
        ({"ensemble": ["final-1", "final-2"]}, "an ensemble: give its run"),
        ({"schema": "fairtune-model/9"}, "of the form fairtune-model/9"),
        ({"training": {}}, "is not what this version of fairtune exports: export the run again"),
    ):
        (folder / SPEC).write_text(json.dumps(written | changed))
        with pytest.raises(InvalidInput, match=reason):
            ft.evaluate(folder)
    (folder / SPEC).write_text(json.dumps(written))
    weights = load_file(folder / WEIGHTS)
    save_file({name: tensor[:5] if tensor.shape[:1] == (10,) else tensor for name, tensor in weights.items()}, folder / WEIGHTS)
    with pytest.raises(InvalidInput, match=r"does not fit .* for 10 classes .*: its .* is 5.* and has to be 10"):
        ft.evaluate(folder)
    save_file({"other": torch.zeros(3)}, folder / WEIGHTS)
    with pytest.raises(InvalidInput, match=r"is of another net than .*: export the run again"):
        ft.evaluate(folder)


def test_others_may_read_what_is_exported(exported):
    assert len({path.stat().st_mode for path in exported.iterdir()}) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "window"), [(16, None), (12, None), (None, (0, 4080))])
def test_the_script_reads_sixteen_bits_as_training_did(exported, tmp_path, depth, window):
    levels = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(np.uint16)
    values = levels * 16 if window else levels << ((depth or 0) - 8)
    for name, picture in {"deep": values, "plain": levels.astype(np.uint8)}.items():
        (tmp_path / name).mkdir()
        Image.fromarray(picture).save(tmp_path / name / "a.png")
    as_trained(exported, tmp_path, depth=depth, window=window)
    (found,) = alone(tmp_path / SCRIPT, tmp_path / "deep")
    as_trained(exported, tmp_path, depth=16, window=None)
    (expected,) = alone(tmp_path / SCRIPT, tmp_path / "plain")
    assert found[1:] == expected[1:]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("depth", "reason"),
    [(None, "say how many of their bits count, fairtune export RUN --set depth=12"), (10, "its values reach 4000, beyond 10 bits")],
)
def test_the_script_names_a_picture_of_other_bits(exported, tmp_path, depth, reason):
    (tmp_path / "pictures").mkdir()
    Image.fromarray(np.full((8, 8), 4000, dtype=np.uint16)).save(tmp_path / "pictures" / "deep.png")
    as_trained(exported, tmp_path, depth=depth, window=None)
    with pytest.raises(AssertionError, match=f"deep.png: .*{reason}"):
        alone(tmp_path / SCRIPT, tmp_path / "pictures")


def as_trained(exported, folder, **tones):
    """The export of a model that was trained on values of such a depth or window."""
    for name in (SCRIPT, PROGRAM):
        shutil.copy(exported / name, folder / name)
    spec = json.loads((exported / SPEC).read_text())
    spec["input"] |= tones
    (folder / SPEC).write_text(json.dumps(spec))


def test_the_weights_fit_what_the_spec_says(run, exported):
    spec = json.loads((exported / SPEC).read_text())
    assert (spec["thresholds"], spec["group"]) == (None, None)
    assert (spec["classes"], spec["job"]) == (list("0123456789"), str(run.summary.handed.job))
    said = spec["training"]["model"]
    options = {name: value for name, value in said["options"].items() if name != "weights"}
    net = Net.load(said["name"]).build(tuple(spec["input"]["shape"]), len(spec["classes"]), **options)
    net.load_state_dict(load_file(exported / WEIGHTS))
    assert torch.equal(net.head.weight, run.model().net.head.weight)


def test_the_card_says_what_it_is_and_what_it_scored(run, exported):
    card = (exported / CARD).read_text()
    summary = run.summary
    assert f"\n{summary.outcome[0].upper()}{summary.outcome[1:]}.\n" in card
    assert "| teacher | the plain baseline |" in card
    assert "schedule plateau" in card
    for said in ("CC BY 4.0", "E. Alpaydin", "mfd", "deo_m", f"{summary.floor:.4f}", "the first seed that completed", "seed"):
        assert said in card
    for cell in summary.handed.cells:
        row = f"| {summary.groups[cell.a]} | {cell.y} | {cell.samples} | {cell.accuracy:.4f} | {cell.low:.3f} to {cell.high:.3f} |"
        assert row in card
    assert all(remark in card for remark in summary.remarks)
    assert "{{" not in card


def test_the_cards_snippets_run(exported, tmp_path):
    card = (exported / CARD).read_text()
    snippets = [part.split("```")[0] for part in card.split("```python\n")[1:]]
    assert len(snippets) == 2
    folder = shutil.copytree(exported, tmp_path / "there")
    Image.new("RGB", (50, 40)).save(folder / "image.png")
    (folder / "snippets.py").write_text("\n".join(snippets))
    command = [sys.executable, "-W", "error::UserWarning", "snippets.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_a_place_that_is_no_folder_is_refused(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match=r"--to .*file: no folder can be made there"):
        run.export(tmp_path / "file")


def test_the_card_names_a_teacher_of_its_own_and_binds_to_no_licence_that_is_not_needed(run):
    summary, net = run.summary, handed_net(run.spec, SearchStudy(database_of(run.place), run.spec), RunFolder.of(run.place))
    assert net is not None
    spec = net.result.spec
    taught = spec.model_copy(
        update={
            "teacher": spec.teacher.model_copy(update={"epochs": 50}),
            "dataset": spec.dataset.model_copy(update={"name": "synthetic"}),
        }
    )
    own = net._replace(result=net.result.model_copy(update={"spec": taught}))
    card = render_card(summary, [own], Names(run.spec.classes, run.spec.groups), (1, 8, 8), None, differs=0.0, with_onnx=False)
    assert "| teacher | mlp, 50 epochs |" in card
    assert "what the licence of the data allows" not in card
