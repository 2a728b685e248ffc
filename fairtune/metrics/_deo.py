"""Difference of equalized odds: the gap between groups in per-class accuracy.

S. Jung, D. Lee, T. Park, T. Moon, "Fair Feature Distillation for Visual Recognition", CVPR 2021, eqs. (1) and (2):

    gap(y) = max_a P(pred = y | a, y) - min_a P(pred = y | a, y),    DEO_M = max_y gap(y),    DEO_A = mean_y gap(y).

Only the diagonal of the confusion matrix enters, so this is weaker than full equalized odds. The authors' code gives NaN as
soon as one cell is empty (``empty="nan"`` here); by default an empty cell contributes nothing, and :func:`small_cells` names it.
"""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np

from fairtune.errors import DataError
from fairtune.metrics._accuracy import cell_accuracy
from fairtune.records import Floats, GroupCounts

Empty = Literal["ignore", "nan", "error"]


def gaps(counts: GroupCounts, *, empty: Empty = "ignore") -> Floats:
    """Largest between-group gap in accuracy of each class.

    Args:
        counts: the group counts of a split.
        empty: what an empty cell does. ``ignore`` compares the groups that are present: a class present in one group only has
            gap 0, an absent class none (NaN), and where no class is present in two groups there is nothing to compare and all
            are NaN. ``nan`` makes its class NaN; ``error`` raises.

    Returns:
        ``(K,)`` in [0, 1]; 0 means that all groups are recognised equally well.

    Raises:
        DataError: a cell is empty and ``empty`` is ``error``.
    """
    per_cell = cell_accuracy(counts)
    missing = np.isnan(per_cell)
    if empty == "error" and missing.any():
        named = ", ".join(f"(y={y}, a={a})" for a, y in np.argwhere(missing))
        raise DataError(f"no samples in the cells {named}: the gap between groups is undefined there")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        spread: Floats = np.nanmax(per_cell, axis=0) - np.nanmin(per_cell, axis=0)
    if empty == "nan":
        return np.where(missing.any(axis=0), np.nan, spread)
    comparable = (~missing).sum(axis=0) >= 2
    return spread if comparable.any() else np.full(spread.shape, np.nan)


def deo_m(counts: GroupCounts, *, empty: Empty = "ignore") -> float:
    """Maximum over classes of the between-group accuracy gap (see :func:`gaps`); 0 is fair, 1 is worst.

    A maximum of noisy gaps is biased upwards: report it with :func:`fairtune.metrics.interval`.

    Returns:
        In [0, 1], or NaN if no class can be compared (or, with ``empty="nan"``, if any cell is empty).
    """
    return _reduce(np.max, gaps(counts, empty=empty), empty)


def deo_a(counts: GroupCounts, *, empty: Empty = "ignore") -> float:
    """Mean over classes of the between-group accuracy gap (see :func:`gaps`); 0 is fair, 1 is worst."""
    return _reduce(np.mean, gaps(counts, empty=empty), empty)


def _reduce(reduce: np.ufunc | object, spread: Floats, empty: Empty) -> float:
    present = spread if empty == "nan" else spread[~np.isnan(spread)]
    return float(reduce(present)) if len(present) else float("nan")  # type: ignore[operator]


def small_cells(counts: GroupCounts, minimum: int = 10) -> list[tuple[int, int, int]]:
    """Cells with fewer than ``minimum`` samples, whose accuracy says little, as (y, a, samples)."""
    return [(int(y), int(a), int(counts.cells[a, y])) for a, y in np.argwhere(counts.cells < minimum)]
