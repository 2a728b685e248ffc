"""How far the true scores of several nets may lie from what one split shows of them, all at once and however they were picked.

A front is picked by the very samples that score it, so its points were lucky more often than others (the winner's curse), and
intervals that each hold with 95 % hold far less often for the points of a front, one after the other or all at once. Here the risk
is shared among everything that could have been picked (C. E. Bonferroni, 1936): intervals that hold for all nets at once hold for
any of them, by whatever rule these were picked. How alike nets err on the same samples is not used: it is not kept of the
validation split, and sharing holds for any dependence. It costs little: z grows as the root of the logarithm of how many there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fairtune.metrics._limits import UNKNOWN, Limits
from fairtune.metrics._score import Score
from fairtune.records import GroupCounts


def within_at_once(
    score: Score, nets: Sequence[GroupCounts], values: Sequence[float], *, among: int, level: float = 0.95
) -> Limits:
    """How far the mean true score of some nets may lie from that of a split, so that this holds of all that is told at once.

    The limits are of these very nets on any samples as these. Nothing is said of another seed. With several nets the means of their
    ends are given: where the limits of each hold, so do these.

    Args:
        score: which.
        nets: group counts of one net or more, at least one.
        values: the score of each as it was measured, which tells how it weighs cells.
        among: how many intervals are to hold at once, those of nets that were not picked among them: the scores told of each
            times the nets scored.
        level: with which all hold, between 0 and 1.

    Returns:
        Limits on the score's scale, wider the more there are; all NaN where the score is no function of group counts with limits of
        its own (drawn tables tell nothing of such small risks), or is not defined for a net.
    """
    if score.limits is None or not all(map(math.isfinite, values)):
        return UNKNOWN
    each = 1 - (1 - level) / among
    found = [score.within(counts, each, score.weighting_of(counts, value)) for counts, value in zip(nets, values, strict=True)]
    return Limits(*(float(end) for end in np.mean(found, axis=0)))
