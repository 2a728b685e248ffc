"""Area under the ROC curve, from the table of margins."""

from __future__ import annotations

import math

from fairtune.metrics._interval import redraw_margins
from fairtune.metrics._score import Score
from fairtune.records import GroupCounts


def auc(counts: GroupCounts) -> float:
    """P(margin of a sample of class 1 > margin of a sample of class 0), ties counted half; 1 is perfect, 0.5 is chance.

    Samples in one interval of ``counts.margins`` count as ties, so with 100 intervals that hold equally many samples it is within
    0.005 of the area under the curve of the samples themselves. NaN where there are no margins, or samples of one class only.

    Args:
        counts: the group counts.
    """
    if counts.margins is None:
        return math.nan
    negative, positive = counts.margins.sum(axis=0)
    pairs = int(negative.sum()) * int(positive.sum())
    below = negative.cumsum() - negative / 2
    return float(positive @ below) / pairs if pairs else math.nan


AUC = Score(
    "auc",
    "auc",
    "higher",
    "area under the ROC curve of class 1; two classes only",
    source="loop",
    compute=auc,
    two_classes=True,
    shown="confirmed",
    redraw=redraw_margins,
)
