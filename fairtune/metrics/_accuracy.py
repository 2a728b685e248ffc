"""Accuracy: over samples, over cells, over classes, and of the worst group or cell."""

from __future__ import annotations

import numpy as np

from fairtune.metrics._limits import Limits, of_largest, of_share
from fairtune.metrics._score import Score
from fairtune.metrics._shares import Differences, Shares
from fairtune.metrics._weighting import Weighting, weigh
from fairtune.records import Floats, GroupCounts, Ints


def cell_accuracy(counts: GroupCounts) -> Floats:
    """P(prediction = y | a, y) for every cell.

    Returns:
        ``(A, K)`` in [0, 1]; NaN where the cell holds no sample.
    """
    return _shares(np.diagonal(counts.hard, axis1=1, axis2=2), counts.cells)


def accuracy(counts: GroupCounts, *, weighting: Weighting = "samples") -> float:
    """Share of correct predictions, in [0, 1].

    Args:
        counts: the group counts of a split.
        weighting: ``samples`` counts every sample alike. ``cells`` counts every non-empty (y, a) cell alike: what the
            accuracy would be on a split with equally many samples in each cell. The two agree on a balanced split.

    Returns:
        NaN when there is no sample at all.
    """
    if counts.hard.sum() == 0:
        return float("nan")
    if weighting == "cells":
        return float(np.nanmean(cell_accuracy(counts)))
    return float(np.diagonal(counts.hard, axis1=1, axis2=2).sum() / counts.hard.sum())


def worst_cell_accuracy(counts: GroupCounts) -> float:
    """Lowest accuracy of any non-empty cell, in [0, 1]; NaN when there is no sample at all."""
    per_cell = cell_accuracy(counts)
    return float("nan") if np.isnan(per_cell).all() else float(np.nanmin(per_cell))


def balanced_accuracy(counts: GroupCounts, *, weighting: Weighting = "samples") -> float:
    """Mean over classes of the recall P(prediction = y | y), in [0, 1].

    Args:
        counts: the group counts of a split.
        weighting: ``cells`` makes the groups of a class weigh alike within its recall.

    Returns:
        Over the classes that have samples; NaN when there is no sample at all.
    """
    confusion = weigh(counts.hard, counts, weighting).sum(axis=0)
    recalls = _shares(np.diagonal(confusion), confusion.sum(axis=1))
    return float("nan") if np.isnan(recalls).all() else float(np.nanmean(recalls))


def group_accuracy(counts: GroupCounts, *, weighting: Weighting = "samples") -> Floats:
    """P(prediction = y | a) for every group.

    Args:
        counts: the group counts of a split.
        weighting: ``cells`` makes the classes of a group weigh alike.

    Returns:
        ``(A,)`` in [0, 1]; NaN where the group has no sample.
    """
    table = weigh(counts.hard, counts, weighting)
    return _shares(np.trace(table, axis1=1, axis2=2), table.sum(axis=(1, 2)))


def worst_group_accuracy(counts: GroupCounts, *, weighting: Weighting = "samples") -> float:
    """Lowest accuracy of any non-empty group (see :func:`group_accuracy`), in [0, 1]; NaN when there is no sample at all."""
    per_group = group_accuracy(counts, weighting=weighting)
    return float("nan") if np.isnan(per_group).all() else float(np.nanmin(per_group))


def _right(counts: GroupCounts) -> Ints:
    """Correct predictions of every cell ``(A, K)``."""
    right: Ints = np.diagonal(counts.hard, axis1=1, axis2=2)
    return right


def accuracy_limits(counts: GroupCounts, level: float, *, weighting: Weighting = "samples") -> Limits:
    """How far the true accuracy may lie from that of the split."""
    right, of_all = _right(counts).ravel(), counts.cells.ravel()
    share = Shares.mean(right, of_all) if weighting == "cells" else Shares.single(right.sum(), of_all.sum())
    return of_share(share, level)


def balanced_accuracy_limits(counts: GroupCounts, level: float, *, weighting: Weighting = "samples") -> Limits:
    """How far the true balanced accuracy may lie from that of the split."""
    right, of_all = _right(counts), counts.cells
    if weighting == "samples":
        return of_share(Shares.mean(right.sum(axis=0), of_all.sum(axis=0)), level)
    there = of_all > 0
    groups, classes = np.maximum(there.sum(axis=0), 1), there.any(axis=0).sum()
    weights = np.divide(there / groups, classes, out=np.full(there.shape, np.nan), where=classes > 0)
    return of_share(Shares(*(part.ravel() for part in (right.astype(float), of_all.astype(float), weights))), level)


def worst_group_accuracy_limits(counts: GroupCounts, level: float, *, weighting: Weighting = "samples") -> Limits:
    """How far the true accuracy of the worst group may lie from that of the split."""
    wrong, of_all = counts.cells - _right(counts), counts.cells
    shares = Shares.mean(wrong, of_all) if weighting == "cells" else Shares.single(wrong.sum(axis=1), of_all.sum(axis=1))
    return of_largest(Differences(shares), level, folded=False).mirrored()


def worst_cell_accuracy_limits(counts: GroupCounts, level: float) -> Limits:
    """How far the true accuracy of the worst cell may lie from that of the split."""
    wrong = (counts.cells - _right(counts)).ravel()
    return of_largest(Differences(Shares.single(wrong, counts.cells.ravel())), level, folded=False).mirrored()


def _shares(part: Floats | Ints, whole: Floats | Ints) -> Floats:
    """part / whole, NaN where the whole is 0."""
    shares: Floats = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return shares


ACCURACY = Score(
    "accuracy",
    "accuracy",
    "higher",
    "share of correct predictions. On a validation split that is skewed while the test split is balanced (`digits`, `cifar10s`), "
    "every cell, the samples of one class y and group a, counts alike, so that validation estimates what test measures",
    compute=accuracy,
    limits=accuracy_limits,
    weighted=True,
    shown="tables",
    bound="accuracy_lower",
)
ACCURACY_LOWER = Score(
    "accuracy_lower",
    "accuracy at least",
    "higher",
    "what accuracy is not below with the probability that a rule asks for: what has to reach the floor under that rule",
    source="rule",
)
SAMPLE_ACCURACY = Score(
    "sample_accuracy",
    "sample accuracy",
    "higher",
    "share of correct predictions, every sample alike",
    compute=accuracy,
    limits=accuracy_limits,
)
BALANCED_ACCURACY = Score(
    "balanced_accuracy",
    "balanced accuracy",
    "higher",
    "mean of the classes' recalls",
    compute=balanced_accuracy,
    limits=balanced_accuracy_limits,
    weighted=True,
)
WORST_GROUP_ACCURACY = Score(
    "worst_group_accuracy",
    "worst group accuracy",
    "higher",
    "accuracy of the worst group",
    compute=worst_group_accuracy,
    limits=worst_group_accuracy_limits,
    weighted=True,
)
WORST_CELL_ACCURACY = Score(
    "worst_cell_accuracy",
    "worst cell accuracy",
    "higher",
    "accuracy of the worst cell",
    compute=worst_cell_accuracy,
    limits=worst_cell_accuracy_limits,
)
