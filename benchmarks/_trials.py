"""What the benchmarks of trained models share: trials on the embedded digits and the scores of their test split."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import torch

from fairtune.datasets import Dataset
from fairtune.records import Purpose
from fairtune.space import Value
from fairtune.spec import PlugIn, Precision, SearchSpec, TrialSpec
from fairtune.training.folder import TrialFolder, baseline_folder
from fairtune.training.trial import Trial, run_trial

SHOWN = {"accuracy": "accuracy", "deo_m": "DEO_M"}


def digits(model: str, *, seed: int, precision: Precision, batch_size: int | None = None) -> SearchSpec:
    """Training on digits with the dataset's defaults; ``seed`` decides initial weights and order, the splits stay."""
    dataset = Dataset.load("digits")
    info = dataset().describe(Path())
    return SearchSpec(
        dataset=PlugIn(name="digits", options=dataset.complete({})),
        model=PlugIn(name=model),
        spaces={},
        epochs=info.epochs,
        batch_size=batch_size or info.batch_size,
        precision=precision,
        seed=seed,
    )


def baseline_scores(search: SearchSpec, runs: Path) -> dict[str, float]:
    """Test scores of the plain model, trained now if it is not in ``runs`` yet."""
    return _scores(search.baseline(), baseline_folder(runs, search.baseline()), runs)


def mfd_scores(search: SearchSpec, values: dict[str, Value], runs: Path) -> dict[str, float]:
    """Test scores of MFD with the plain model as its teacher."""
    baseline_scores(search, runs)
    spec = search.trial("mfd", values, needs_baseline=True)
    return _scores(spec, TrialFolder(runs / spec.id), runs)


def _scores(spec: TrialSpec, folder: TrialFolder, runs: Path) -> dict[str, float]:
    result = folder.read_result()
    if result is None:
        trial = Trial(spec, folder, data_root=Path(), runs=runs, device=torch.device("cpu"), purpose=Purpose.FINAL)
        result = run_trial(trial)
    if result.test is None:
        raise SystemExit(f"{spec.method} with {spec.values} failed: {result.error}")
    return result.test


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):.3f} ± {deviation:.3f}"
