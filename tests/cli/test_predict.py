"""``fairtune predict`` and ``fairtune export``."""

import csv
import io
import shutil

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import fairtune as ft
from fairtune.api.export import CARD, FILES, ONNX, THRESHOLDS
from fairtune.api.model import Model
from fairtune.api.predict import find_images, predict_files
from fairtune.cli.main import app
from fairtune.errors import DataError, InvalidInput
from fairtune.models import Net
from fairtune.spec import PlugIn, TrialSpec
from tests.search_helpers import run_small, trained_once


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with trained_once():
        return run_small(tmp_path_factory.mktemp("predicted"), trials=1).folder.path


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    (folder / "more").mkdir()
    rng = np.random.default_rng(0)
    for name, size in {"a.png": (8, 8), "b.JPG": (90, 60), "more/c.bmp": (20, 31)}.items():
        image = Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8))
        image.save(folder / name, "JPEG" if name.endswith("JPG") else None)
    (folder / "notes.txt").write_text("no image")
    return folder


def predicted(*arguments, code=0):
    done = CliRunner().invoke(app, ["predict", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return list(csv.reader(io.StringIO(done.stdout))), done.stderr


def test_a_table_of_the_class_and_the_probability_of_each(run, photos):
    (head, *rows), _ = predicted(run, photos)
    assert head == ["path", "predicted", *(f"p({digit})" for digit in range(10))]
    files = [photos / name for name in ("a.png", "b.JPG", "more/c.bmp")]
    assert [row[0] for row in rows] == list(map(str, files))
    expected = ft.open_run(run).model().predict([Image.open(files[0]), Image.open(files[2])])
    assert [rows[0][1], rows[2][1]] == expected.labels
    found = np.array([rows[0][2:], rows[2][2:]], dtype=float)
    np.testing.assert_allclose(found, expected.probabilities, atol=1e-6, rtol=0)
    assert all(sum(map(float, row[2:])) == pytest.approx(1) for row in rows)


def test_files_and_folders_come_in_the_order_given_each_once(photos):
    given = [photos / "more", photos / "a.png", photos]
    assert [file.name for file in find_images(given)] == ["c.bmp", "a.png", "b.JPG"]


def test_what_cannot_be_read_is_named_after_the_others(run, photos, tmp_path):
    broken = shutil.copy(photos / "notes.txt", tmp_path / "broken.png")
    torn = tmp_path / "torn.png"
    torn.write_bytes((photos / "a.png").read_bytes()[:80])
    rows, said = predicted(run, broken, photos / "a.png", torn, code=2)
    assert [row[0] for row in rows] == ["path", str(photos / "a.png")]
    assert said.startswith(f"fairtune: 2 of 3 files cannot be read as images: {broken} (not an image); {torn} (")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("nowhere.png", "no such file or folder: {folder}/nowhere.png; give images, or folders of images"),
        ("empty", "no image in {folder}/empty: give a folder that holds files named .png, .jpg"),
    ],
)
def test_what_is_not_there_is_refused(run, tmp_path, given, reason):
    (tmp_path / "empty").mkdir()
    _, said = predicted(run, tmp_path / given, code=2)
    assert reason.format(folder=tmp_path) in said


def test_a_folder_that_is_no_run_is_refused(photos):
    _, said = predicted(photos, photos, code=2)
    assert "holds no search" in said


@pytest.mark.parametrize(
    ("name", "dataset", "shape", "reason"),
    [
        ("mlp", "adult", (5,), r"takes vectors of 5 numbers, as the dataset adult encodes its tables, and no images: give"),
        ("mlp", "digits", (4, 8, 8), r"takes images of 4 channels, and image files have 1 or 3: give arrays in Python"),
    ],
)
def test_a_model_that_takes_no_image_files_says_so(photos, name, dataset, shape, reason):
    spec = TrialSpec(dataset=PlugIn(name=dataset), model=PlugIn(name=name), method="scratch", epochs=1, batch_size=8)
    model = Model(Net.load(name).build(shape, 2), ("no", "yes"), ("f", "m"), shape, spec, photos)
    with pytest.raises(InvalidInput, match=reason):
        next(predict_files(model, [photos / "a.png"]))


def test_a_gray_model_takes_colour(photos):
    spec = TrialSpec(dataset=PlugIn(name="digits"), model=PlugIn(name="mlp"), method="scratch", epochs=1, batch_size=8)
    model = Model(Net.load("mlp").build((1, 8, 8), 2), ("no", "yes"), ("f", "m"), (1, 8, 8), spec, photos)
    (rows,) = predict_files(model, [photos / "a.png"])
    expected = model.predict(Image.open(photos / "a.png")).probabilities
    np.testing.assert_allclose(rows[["p(no)", "p(yes)"]], expected, atol=1e-6)


def deep_model(folder, **options):
    plugin = PlugIn(name="manifest", options={"size": 8, **options})
    spec = TrialSpec(dataset=plugin, model=PlugIn(name="mlp"), method="scratch", epochs=1, batch_size=8)
    return Model(Net.load("mlp").build((3, 8, 8), 2), ("no", "yes"), ("f", "m"), (3, 8, 8), spec, folder)


@pytest.mark.parametrize("settings", [["depth=12"], ["dataset.depth=12"], ["window=0..4080"]])
def test_values_of_twelve_bits_are_read_as_told(tmp_path, settings):
    levels = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(np.uint16)
    levels[0, 0] = 255
    Image.fromarray(levels << 4).save(tmp_path / "deep.png")
    model = deep_model(tmp_path)
    with pytest.raises(DataError, match=r"say how many bits they have, --set depth=12 or 16"):
        list(predict_files(model, [tmp_path / "deep.png"]))
    (rows,) = predict_files(model.reading_by(settings), [tmp_path / "deep.png"])
    expected = model.predict(Image.fromarray(levels.astype(np.uint8))).probabilities
    np.testing.assert_allclose(rows[["p(no)", "p(yes)"]], expected, atol=1e-6)


def test_the_depth_of_training_is_kept_unless_told_otherwise(tmp_path):
    assert deep_model(tmp_path, depth="12").raw().reading == deep_model(tmp_path).reading_by(["depth=12"]).raw().reading


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("size=16", "unknown option of images' values 'size': known: "),
        ("depth=13", "depth=13"),
        ("window=9..1", "give the values that become black and white"),
        ("depth", "cannot read --set 'depth': write KEY=VALUE"),
    ],
)
def test_what_does_not_say_what_values_mean_is_refused(tmp_path, setting, reason):
    with pytest.raises(InvalidInput) as refused:
        deep_model(tmp_path).reading_by([setting])
    assert reason in str(refused.value)


def test_a_run_whose_images_have_no_depth_says_so(run, photos):
    _, said = predicted(run, photos, "--set", "depth=12", code=2)
    assert "--set depth=12: the dataset digits reads values in one way only: leave it out" in said


def test_export_writes_anew_and_names_what_it_wrote_and_what_it_cannot(run, tmp_path, monkeypatch, caplog):
    for name in ("mine.txt", CARD, ONNX, THRESHOLDS):
        (tmp_path / name).write_text("old")
    monkeypatch.setattr("fairtune.api.export._ONNX_NEEDS", ("onnx_that_is_not_there",))
    done = CliRunner().invoke(app, ["export", str(run), "--to", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "no model.onnx is written, as onnx_that_is_not_there cannot be found: pip install 'fairtune[onnx]'" in caplog.text
    written = {*FILES} - {ONNX, THRESHOLDS}
    assert {path.name for path in tmp_path.iterdir()} == {"mine.txt", *written}
    assert set(done.stdout.split()) == {str(tmp_path / name) for name in written}
    assert (tmp_path / "mine.txt").read_text() == "old" != (tmp_path / CARD).read_text()
