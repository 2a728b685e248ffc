"""Trials and baselines on the embedded digits, and tables of predictions."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from fairtune.records import Array, GroupCounts, Ints, Purpose
from fairtune.spec import TrialSpec
from fairtune.testing.trainings import CPU, digits_spec
from fairtune.training.folder import TrialFolder, baseline_folder
from fairtune.training.trial import Trial, run_trial


def open_trial(spec: TrialSpec, runs: Path, name: str = "trial", purpose: Purpose = Purpose.SEARCH) -> Trial:
    """A trial in a folder of a run's own, beside the baselines."""
    return Trial(spec, TrialFolder(runs / name), data_root=runs, runs=runs, device=CPU, purpose=purpose)


def trained_baseline(runs: Path, **changes: object) -> TrialSpec:
    """The specification of a baseline on digits that has just been trained."""
    spec = digits_spec("scratch", **({"epochs": 1} | changes))
    result = run_trial(Trial(spec, baseline_folder(runs, spec), data_root=runs, runs=runs, device=CPU))
    assert result.state == "complete", result.error
    return spec


def group_counts(hard: npt.ArrayLike) -> GroupCounts:
    tables = np.asarray(hard, dtype=np.int64)
    return GroupCounts(tables, tables.astype(float))


def counts_of_recalls(correct: npt.ArrayLike, total: npt.ArrayLike) -> GroupCounts:
    """Counts of cells ``(A, K)``, every mistake predicted as the next class."""
    right, of_all = np.asarray(correct), np.asarray(total)
    groups, classes = right.shape
    hard = np.zeros((groups, classes, classes), dtype=np.int64)
    for a in range(groups):
        for y in range(classes):
            hard[a, y, y] = right[a, y]
            hard[a, y, (y + 1) % classes] += of_all[a, y] - right[a, y]
    return group_counts(hard)


def table(y: Ints, a: Ints, rows: Array, num_groups: int) -> Array:
    """Group x true tables ``(A, K, K)`` of one row of K numbers per sample, summed."""
    summed = np.zeros((num_groups, rows.shape[1], rows.shape[1]), dtype=rows.dtype)
    np.add.at(summed, (a, y), rows)
    return summed


def random_predictions(classes: int, groups: int, n: int = 600, seed: int = 0) -> tuple[Ints, Ints, Ints, GroupCounts]:
    """Labels, groups, predictions better for later groups, and their counts."""
    rng = np.random.default_rng(seed)
    y, a = rng.integers(0, classes, n), rng.integers(0, groups, n)
    logits = rng.normal(size=(n, classes)) + (1 + 0.4 * a)[:, None] * np.eye(classes)[y]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    predicted = probabilities.argmax(1)
    hard = table(y, a, np.eye(classes, dtype=np.int64)[predicted], groups)
    return y, a, predicted, GroupCounts(hard, table(y, a, probabilities, groups))
