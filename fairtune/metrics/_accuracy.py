"""Accuracy, over samples, over cells, and of the worst cell."""

from __future__ import annotations

from typing import Literal

import numpy as np

from fairtune.records import Floats, GroupCounts

Weighting = Literal["samples", "cells"]


def cell_accuracy(counts: GroupCounts) -> Floats:
    """P(prediction = y | a, y) for every cell.

    Returns:
        ``(A, K)`` in [0, 1]; NaN where the cell holds no sample.
    """
    correct = np.diagonal(counts.hard, axis1=1, axis2=2).astype(float)
    total = counts.cells
    per_cell: Floats = np.divide(correct, total, out=np.full(total.shape, np.nan), where=total > 0)
    return per_cell


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
