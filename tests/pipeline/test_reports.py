"""Every pipeline that comes with fairtune, at its smallest, on drawn data in the real formats, to its report."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rich.console import Console

from fairtune.pipeline.reading import load, names
from fairtune.pipeline.run import check, run
from fairtune.report import write_report
from tests.datasets import files
from tests.search_helpers import Session

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("drawn", "trained_once")]
DRAWN = (
    *(files.make_mnist, files.make_cifar10, files.make_celeba, files.make_utkface, files.make_isic, files.make_imdb),
    *(files.make_adult, files.make_german),
)

FITTED: dict[str, dict[str, object]] = {
    **{name: {"batch_size": 40} for name in ("losses_celeba", "losses_tradeoff", "mfd_celeba", "mi_imdb", "your_data")},
    "ffw_multicolor_mnist": {"set": ["dataset.left_conflicting=0.2", "dataset.right_conflicting=0.2"], "batch_size": 40},
    "ffw_celeba": {"batch_size": 16},
    "mfd_utkface": {"protocol": "fixed", "batch_size": 40},
}
"""Options for few images: of 7,000 digits the file's own shares leave none that contradicts both colours, and of a dozen faces of
a cell the authors' test split takes a hundred."""
DIGITS = {"TRAIN_MD5": 700, "TEST_MD5": 110}
"""Of each class: enough that a sixth without bias has one that agrees with both colours, a hundredth of it."""


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A folder with every kind of original files, and a manifest."""
    root = tmp_path / "data"
    root.mkdir()
    monkeypatch.setattr(files, "MNIST_PER_CLASS", DIGITS)
    for make in DRAWN:
        make(root, monkeypatch)
    rng = np.random.default_rng(0)
    rows = []
    for n in range(120):
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(root / f"{n}.png")
        rows.append({"path": f"{n}.png", "target": n % 2, "group": n // 2 % 2})
    pd.DataFrame(rows).to_csv(root / "manifest.csv", index=False)
    return root


@pytest.mark.parametrize("name", names())
def test_a_pipeline_runs_to_its_report(name, drawn, tmp_path, monkeypatch):
    monkeypatch.setattr("fairtune.training.trial.only_class", lambda counts: None)  # two epochs of noise teach a net nothing
    pipeline = load(Path(name))
    typed = {"data": str(drawn), "runs": str(tmp_path / "runs"), "gpus_per_trial": 0, "precision": "fp32"}
    typed |= {"epochs": 2, "trials": 1, "final_seeds": 1, "train_fraction": 1, "batch_size": 100}
    typed |= FITTED.get(name, {})
    searches, _ = check(pipeline, "quick", typed)
    sealed = set[str]()
    for planned in searches:
        session = Session(planned.spec, planned.place).run()
        if write_report(session.spec, session.place, session.study).chosen is None:
            sealed.add(planned.place.name)
    text = io.StringIO()
    table = run(Path(name), Console(file=text, width=200), "quick", typed)
    assert len(table) >= 1 + len(searches)
    folder = Path(searches[0].place.runs) / f"{name}-quick"
    for ending in ("html", "md", "csv", "tex"):
        assert (folder / f"report.{ending}").stat().st_size
    page = (folder / "report.html").read_text()
    written = (folder / "report.md").read_text()
    assert set(table["run"][table["accuracy"].isna()]) <= sealed < {planned.place.name for planned in searches}
    assert written.count("(nothing confirmed)") == table["accuracy"].isna().sum()
    assert pipeline.content.title in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert all(sentence in (folder / "report.md").read_text() for sentence in pipeline.content.report.differs)
