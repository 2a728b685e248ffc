"""Demographic parity: whether groups are predicted alike, whatever their labels.

T. Calders, F. Kamiran, M. Pechenizkiy, "Building Classifiers with Independency Constraints", ICDM Workshops 2009, for two
classes; here the largest gap over classes, as the definition of independence asks.
"""

from __future__ import annotations

import numpy as np

from fairtune.metrics._gap import Empty, reduce_gaps, spread
from fairtune.metrics._limits import Limits, of_largest
from fairtune.metrics._score import Score
from fairtune.metrics._shares import Differences, Shares
from fairtune.metrics._weighting import Weighting, weigh
from fairtune.records import GroupCounts


def demographic_parity(
    counts: GroupCounts, *, weighting: Weighting = "samples", empty: Empty = "ignore", minimum: int = 1
) -> float:
    """Demographic parity difference: max over p of the largest between-group gap in P(pred = p | a).

    0 means that every class is predicted equally often in each group. A perfect classifier has 0 only where all groups have the
    same shares of labels.

    Args:
        counts: the group counts of a split.
        weighting: ``cells`` counts every non-empty (y, a) cell alike: the gap on a split in which labels and groups are
            independent.
        empty: what an empty group does: ``ignore`` leaves it out, ``nan`` gives NaN, ``error`` raises.
        minimum: a group with fewer samples counts as empty; at least 1.

    Returns:
        In [0, 1], or NaN if fewer than two groups can be compared.

    Raises:
        DataError: a group is empty and ``empty`` is ``error``.
    """
    predicted = weigh(counts.hard, counts, weighting).sum(axis=1)
    samples = predicted.sum(axis=1, keepdims=True)
    rates = predicted / np.where(samples > 0, samples, 1.0)
    return reduce_gaps(np.max, spread(rates, counts.cells.sum(axis=1), empty=empty, minimum=minimum), empty)


def demographic_parity_limits(counts: GroupCounts, level: float, *, weighting: Weighting = "samples") -> Limits:
    """How far the true demographic parity difference may lie from that of the split."""
    of_two = counts.hard[:, :, 1:] if counts.hard.shape[1] == 2 else counts.hard  # of two shares one says all
    if weighting == "cells":
        predicted = Shares.mean(of_two.swapaxes(1, 2), counts.cells[:, None, :])
    else:
        predicted = Shares.single(of_two.sum(axis=1), counts.cells.sum(axis=1)[:, None])
    return of_largest(Differences.between_groups(predicted), level, folded=True)


DEMOGRAPHIC_PARITY = Score(
    "demographic_parity",
    "demographic parity",
    "lower",
    "largest between-group gap in P(predicted = p) over all p; 0 is fair",
    compute=demographic_parity,
    limits=demographic_parity_limits,
    weighted=True,
    gap=True,
)
