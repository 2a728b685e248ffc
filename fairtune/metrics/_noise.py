"""How far a score of one net would be off on other samples."""

from __future__ import annotations

import math

import numpy as np

from fairtune.metrics._score import Score
from fairtune.records import GroupCounts
from fairtune.seeding import generator

_REDRAWS = 100


def standard_error(score: Score, counts: GroupCounts, value: float) -> float:
    """Standard error of a score: its standard deviation over multinomial redraws of every cell's predictions, cell sizes fixed.

    For accuracy it is sqrt(sum over cells of n p (1 - p)) / N, up to the redraws' own error; for a gap of one class that of a
    difference of two shares; for a maximum, which has no such formula, that of the maximum. It knows nothing of the training seed,
    and nothing of how alike two nets err on the same samples: a difference of two nets is often less noisy than either.

    Args:
        score: which.
        counts: the group counts of the net.
        value: the score as it was recorded, which tells how it weighed the cells.

    Returns:
        At least 0; 0 for a score that is no function of group counts, and where it is not defined.
    """
    if score.compute is None or not math.isfinite(value):
        return 0.0
    weighting = score.weighting_of(counts, value)
    redrawn = score.redraw([counts], np.zeros(_REDRAWS, dtype=np.int64), generator(0, "bootstrap"))
    found = np.array([score.of(table, weighting) for table in redrawn])
    found = found[np.isfinite(found)]
    return float(found.std()) if len(found) else 0.0
