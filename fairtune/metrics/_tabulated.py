"""Group counts of samples that somebody has listed, weighted or not."""

from __future__ import annotations

import numpy as np

from fairtune.metrics._margins import margin_table
from fairtune.records import Array, Floats, GroupCounts, Ints


def tabulate(
    y: Ints,
    a: Ints,
    predicted: Ints,
    *,
    num_classes: int,
    num_groups: int,
    probabilities: Floats | None = None,
    weight: Floats | None = None,
) -> GroupCounts:
    """The tables that all scores are functions of.

    Args:
        y: labels ``(n,)``.
        a: groups ``(n,)``.
        predicted: classes predicted ``(n,)``.
        num_classes: K.
        num_groups: A.
        probabilities: of the classes ``(n, K)``; None where they are not known, which leaves those of a sure answer.
        weight: of the samples ``(n,)``, at least 0 and not all 0; None for one each.
    """
    cell = a * num_classes + y
    sure = np.eye(num_classes)[predicted]
    hard: Array = _summed(sure, cell, num_groups, weight)
    soft = hard.astype(float) if probabilities is None else _summed(probabilities, cell, num_groups, weight)
    if weight is None:
        hard = np.rint(hard).astype(np.int64)
    if probabilities is None or num_classes != 2:
        return GroupCounts(hard, soft)
    return GroupCounts(hard, soft, margin_table(probabilities[:, 1], y, a, num_groups, weight))


def _summed(rows: Floats, cell: Ints, num_groups: int, weight: Floats | None) -> Floats:
    classes = rows.shape[1]
    weighed = rows if weight is None else rows * weight[:, None]
    summed: Floats = np.zeros((num_groups * classes, classes))
    np.add.at(summed, cell, weighed)
    return summed.reshape(num_groups, classes, classes)


def weights_for_limits(y: Ints, a: Ints, weight: Floats, num_classes: int) -> Floats:
    """Weights in proportion, so small that no cell counts for more samples than its weights are worth.

    The largest weight given is 1. A cell is worth (sum w)^2 / sum w^2 samples (L. Kish, Survey Sampling, 1965). All weights are
    scaled alike, so that limits are rather too wide.
    """
    cell = a * num_classes + y
    total, squares = np.bincount(cell, weight), np.bincount(cell, weight**2)
    scaled: Floats = weight * (total[squares > 0] / squares[squares > 0]).min()
    return scaled
