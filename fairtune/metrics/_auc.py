"""Area under the ROC curve, from the table of margins."""

from __future__ import annotations

import math

from fairtune.metrics._limits import UNKNOWN, Limits
from fairtune.metrics._normal import exceeded
from fairtune.metrics._redrawn import redraw_margins
from fairtune.metrics._score import Score
from fairtune.records import GroupCounts

_APART = 1e-9
"""From areas of 0 and 1, at which the score test's variance is 0 too: neither is refuted, and neither is the end sought."""


def auc(counts: GroupCounts) -> float:
    """P(margin of a sample of class 1 > margin of a sample of class 0), ties counted half; 1 is perfect, 0.5 is chance.

    Samples in one interval of ``counts.margins`` count as ties, so with 100 intervals that hold equally many samples it is within
    0.005 of the area under the curve of the samples themselves; with weights, intervals hold equal weights as far as no sample has
    more of it. NaN where there are no margins, or samples of one class only.

    Args:
        counts: the group counts.
    """
    if counts.margins is None:
        return math.nan
    negative, positive = counts.margins.sum(axis=0)
    pairs = float(negative.sum()) * float(positive.sum())
    below = negative.cumsum() - negative / 2
    return min(float(positive @ below) / pairs, 1.0) if pairs else math.nan


def auc_limits(counts: GroupCounts, level: float) -> Limits:
    """How far the true area may lie from that of the split.

    R. G. Newcombe, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2", Statistics in
    Medicine 2006, method 5: the areas that a score test does not refute. It does not collapse where no pair is in the wrong order.
    """
    from scipy.optimize import brentq

    area = auc(counts)
    if math.isnan(area):
        return UNKNOWN
    n0, n1 = (float(of_class) for of_class in counts.cells.sum(axis=0))
    z = exceeded((1 - level) / 2)

    def beyond(true: float) -> float:
        more = max((n0 + n1) / 2 - 1, 0.0)  # samples with weights may count less than 1
        variance = true * (1 - true) * (1 + more * ((1 - true) / (2 - true) + true / (1 + true))) / (n0 * n1)
        return abs(area - true) - z * math.sqrt(variance)

    low = brentq(beyond, 0.0, min(area, 1 - _APART)) if area > 0 else 0.0
    high = brentq(beyond, max(area, _APART), 1.0) if area < 1 else 1.0
    return Limits(float(low), area, float(high))


AUC = Score(
    "auc",
    "auc",
    "higher",
    "area under the ROC curve of class 1; two classes only",
    source="loop",
    compute=auc,
    limits=auc_limits,
    two_classes=True,
    redraw=redraw_margins,
)
