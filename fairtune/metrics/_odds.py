"""Equalized odds over all predicted classes, and equal opportunity.

M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning", NeurIPS 2016. Equalized odds asks that the
prediction be independent of the group given the label, for every predicted class; equal opportunity asks it of one label's
recall alone.
"""

from __future__ import annotations

import numpy as np

from fairtune.errors import InvalidInput
from fairtune.metrics._accuracy import cell_accuracy
from fairtune.metrics._deo import deo_m_limits
from fairtune.metrics._gap import Empty, reduce_gaps, spread
from fairtune.metrics._limits import Limits, of_largest
from fairtune.metrics._score import Score
from fairtune.metrics._shares import Differences, Shares
from fairtune.metrics._weighting import weigh
from fairtune.records import GroupCounts


def equalized_odds(counts: GroupCounts, *, empty: Empty = "ignore", minimum: int = 1) -> float:
    """Full equalized odds difference: max over y and p of the largest between-group gap in P(pred = p | y, a).

    0 means that every group is predicted alike within each class, mistakes included. Never below DEO_M, which looks at the
    correct predictions alone; for two classes the two are equal.

    Args:
        counts: the group counts of a split.
        empty: what an empty cell does, as for :func:`fairtune.metrics.gaps`.
        minimum: a cell with fewer samples counts as empty; at least 1.

    Returns:
        In [0, 1], or NaN if no class can be compared (or, with ``empty="nan"``, if any cell is empty).

    Raises:
        DataError: a cell is empty and ``empty`` is ``error``.
    """
    predicted = weigh(counts.hard, counts, "cells")
    return reduce_gaps(np.max, spread(predicted, counts.cells, empty=empty, minimum=minimum), empty)


def equal_opportunity(counts: GroupCounts, *, positive: int | None = None, empty: Empty = "ignore", minimum: int = 1) -> float:
    """Largest between-group gap in the true positive rate P(pred = positive | y = positive, a); 0 is fair.

    What R. Ragonesi, R. Volpi, J. Cavazza, V. Murino, "Learning Unbiased Representations via Mutual Information
    Backpropagation", 2021, table 3, call EO: |TPR of one group - TPR of the other|.

    Args:
        counts: the group counts of a split.
        positive: the positive class; class 1 if there are two classes, else it has to be named.
        empty: what an empty cell of the positive class does, as for :func:`fairtune.metrics.gaps`.
        minimum: a cell with fewer samples counts as empty; at least 1.

    Returns:
        In [0, 1], or NaN if fewer than two groups can be compared.

    Raises:
        InvalidInput: no positive class is named and there are not two, or it does not exist.
        DataError: a cell of the positive class is empty and ``empty`` is ``error``.
    """
    num_classes = counts.hard.shape[1]
    if positive is None and num_classes == 2:
        positive = 1
    if positive is None or not 0 <= positive < num_classes:
        raise InvalidInput(
            f"equal opportunity: positive={positive} with {num_classes} classes; give one from 0 to {num_classes - 1}"
        )
    of_class = slice(positive, positive + 1)
    gap = spread(cell_accuracy(counts)[:, of_class], counts.cells[:, of_class], empty=empty, minimum=minimum)
    return float(gap[0])


def equalized_odds_limits(counts: GroupCounts, level: float) -> Limits:
    """How far the true equalized odds difference may lie from that of the split."""
    if counts.hard.shape[1] == 2:  # P(pred = 0) and P(pred = 1) are one comparison
        return deo_m_limits(counts, level)
    return of_largest(Differences.between_groups(Shares.single(counts.hard, counts.cells[:, :, None])), level, folded=True)


def equal_opportunity_limits(counts: GroupCounts, level: float) -> Limits:
    """How far the true gap in the true positive rate of class 1 may lie from that of the split."""
    return of_largest(Differences.between_groups(Shares.single(counts.hard[:, 1, 1], counts.cells[:, 1])), level, folded=True)


EQUALIZED_ODDS = Score(
    "equalized_odds",
    "equalized odds",
    "lower",
    "largest between-group gap in P(predicted = p given y) over all y and p, mistakes included; 0 is fair; equals `deo_m` for two "
    "classes",
    compute=equalized_odds,
    limits=equalized_odds_limits,
    gap=True,
)
EQUAL_OPPORTUNITY = Score(
    "equal_opportunity",
    "equal opportunity",
    "lower",
    "between-group gap in the true positive rate of class 1; two classes only",
    compute=equal_opportunity,
    limits=equal_opportunity_limits,
    gap=True,
    two_classes=True,
)
