"""How samples weigh: each alike, or each (y, a) cell alike."""

from __future__ import annotations

from typing import Literal

import numpy as np

from fairtune.records import Array, Floats, GroupCounts

Weighting = Literal["samples", "cells"]


def weigh(table: Array, counts: GroupCounts, weighting: Weighting) -> Floats:
    """One of the tables of ``counts``, weighted.

    Args:
        table: ``counts.hard`` or ``counts.soft``, ``(A, K, K)``.
        counts: the group counts of a split.
        weighting: ``samples`` leaves the table as it is. ``cells`` divides each non-empty cell by its number of samples: the
            table of a split with equally many samples in each cell.

    Returns:
        ``(A, K, K)``; an empty cell stays 0.
    """
    if weighting == "samples":
        return table.astype(float)
    size = counts.cells[:, :, None]
    weighted: Floats = np.divide(table, size, out=np.zeros(table.shape), where=size > 0)
    return weighted
