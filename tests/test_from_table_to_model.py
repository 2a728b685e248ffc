"""A table of one's own images, from the file to a model that is used elsewhere, by the commands in README's order."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.api.test_export import alone

pytestmark = pytest.mark.ray

NUMBER, SIZE = 600, 16
SIZES = ((40, 30), (56, 56))
GROUPS = ("female/old", "female/young", "male/young")
DATA = ["--set", "file=faces.csv", "--set", f"size={SIZE}", "--set", "group=sex+age_band"]


def draw(folder: Path) -> pd.DataFrame:
    """Bright and dark pictures, harder to tell apart in one group, in two sizes; none of old men."""
    rng = np.random.default_rng(0)
    numbers = np.arange(NUMBER)
    table = pd.DataFrame(
        {"path": [f"images/{number}.png" for number in numbers], "target": np.where(numbers % 2, "bright", "dark")}
    )
    table["sex"], table["age_band"] = zip(*(GROUPS[number // 2 % 3].split("/") for number in numbers), strict=True)
    table["split"] = np.select([numbers % 5 == 0, numbers % 5 == 1], ["test", "validation"], "train")
    (folder / "images").mkdir(parents=True)
    for number, target, age in zip(numbers, table.target, table.age_band, strict=True):
        width, height = SIZES[number % 7 % 2]
        light = rng.normal(140 if target == "bright" else 110, 20 if age == "old" else 8)
        noise = rng.normal(light, 25, (height, width, 3))
        Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(folder / table.path[number])
    table.to_csv(folder / "faces.csv", index=False)
    return table


def fairtune(*arguments: object, cwd: Path) -> str:
    command = [str(Path(sys.executable).with_name("fairtune")), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_from_the_table_to_the_model(tmp_path):
    table = draw(tmp_path / "data")
    said = fairtune("data", "inspect", "manifest", "--data", "data", *DATA, cwd=tmp_path)
    assert all(group in said for group in GROUPS)

    small = ["--trials", 2, "--epochs", 12, "--final-seeds", 2, "--accuracy-floor", 0, "--name", "faces"]
    searched = ["--dataset", "manifest", "--data", "data", *DATA, "--model", "cnn", "--method", "mfd"]
    said = fairtune("search", *searched, *small, cwd=tmp_path)
    assert "handed over: final-" in said
    assert "handed over: final-" in fairtune("report", "runs/faces", cwd=tmp_path)
    handed = json.loads((tmp_path / "runs" / "faces" / "summary.json").read_text())["handed"]

    said = fairtune("export", "runs/faces", "--to", "model", cwd=tmp_path)
    assert "model/MODEL_CARD.md" in said
    card = (tmp_path / "model" / "MODEL_CARD.md").read_text()
    assert all(group in card for group in GROUPS)

    test = table[table.split == "test"]
    for number, name in enumerate(test.path):
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        (tmp_path / "elsewhere" / f"{number:03d}.png").write_bytes((tmp_path / "data" / name).read_bytes())
    rows = list(csv.DictReader(io.StringIO(fairtune("predict", "runs/faces", "elsewhere", cwd=tmp_path))))
    most = [max((float(row[f"p({name})"]), name) for name in ("bright", "dark")) for row in rows]
    assert [row["predicted"] for row in rows] == [name for _, name in most]
    group = (test.sex + "/" + test.age_band).to_numpy()
    right = np.array([row["predicted"] for row in rows]) == test.target.to_numpy()
    assert right.mean() == pytest.approx(handed["test"]["accuracy"]["mean"], abs=1e-9)
    for cell in handed["cells"]:
        inside = (test.target.to_numpy() == ("bright", "dark")[cell["y"]]) & (group == GROUPS[cell["a"]])
        assert (inside.sum(), right[inside].mean()) == (cell["samples"], pytest.approx(cell["accuracy"], abs=1e-9))

    elsewhere = alone(tmp_path / "model" / "predict.py", tmp_path / "elsewhere")
    assert [Path(path).name for path, *_ in elsewhere] == [Path(row["path"]).name for row in rows]
    assert [label for _, label, _ in elsewhere] == [name for _, name in most]
    assert [float(found) for *_, found in elsewhere] == pytest.approx([found for found, _ in most], abs=1.1e-6)
