"""Intersection over union of predicted and true classes, and how much it differs between groups.

T. Hänel, N. Kumar, D. Schlesinger, M. Li, E. Ünal, A. Eslami, S. Gumhold, "Enhancing Fairness of Visual Attribute Predictors",
ACCV 2022, eqs. (8) to (12) and the hyperparameter search of section 4. With C(y, p) a confusion matrix, counted (hard) or summed in
probability (soft),

    IOU = mean_y C(y, y) / (sum_p C(y, p) + sum_y' C(y', y) - C(y, y)),

over all samples or those of one group. Where a group lacks a class the authors' code counts an IOU of 0 for it, or divides 0 by 0;
here the class is left out of that group's mean.
"""

from __future__ import annotations

import itertools
import warnings
from typing import Literal

import numpy as np

from fairtune.metrics._gap import Empty, check_samples
from fairtune.metrics._independence import Reduce
from fairtune.metrics._weighting import Weighting, weigh
from fairtune.records import Floats, GroupCounts

Kind = Literal["hard", "soft"]


def group_iou(counts: GroupCounts, *, kind: Kind = "hard", weighting: Weighting = "samples", empty: Empty = "ignore") -> Floats:
    """Mean over classes of the intersection over union, for every group.

    Args:
        counts: the group counts of a split.
        kind: ``hard`` counts predictions, ``soft`` sums predicted probabilities.
        weighting: ``cells`` makes the classes of a group weigh alike.
        empty: what an empty cell does: ``ignore`` leaves the class out of its group's mean, ``nan`` makes its group NaN, ``error``
            raises.

    Returns:
        ``(A,)`` in [0, 1], 1 is perfect; NaN for a group without samples.

    Raises:
        DataError: a cell is empty and ``empty`` is ``error``.
    """
    if empty == "error":
        check_samples(counts.cells)
    per_group = _mean_iou(weigh(counts.hard if kind == "hard" else counts.soft, counts, weighting))
    return np.where((counts.cells == 0).any(axis=1), np.nan, per_group) if empty == "nan" else per_group


def sigma_iou(counts: GroupCounts, *, weighting: Weighting = "samples", empty: Empty = "ignore") -> float:
    """Standard deviation over groups of the hard IOU, with Bessel's correction; 0 is fair.

    What the authors' own hyperparameter search minimises. A classifier that always answers the same class can have 0: search it
    with an accuracy floor.

    Args:
        counts: the group counts of a split.
        weighting, empty: as for :func:`group_iou`; a group without samples is left out.

    Returns:
        In [0, 1 / sqrt(2)], or NaN if fewer than two groups have samples (or, with ``empty="nan"``, if any cell is empty).

    Raises:
        DataError: a cell is empty and ``empty`` is ``error``.
    """
    per_group = group_iou(counts, weighting=weighting, empty=empty)
    kept = per_group if empty == "nan" else per_group[~np.isnan(per_group)]
    return float(kept.std(ddof=1)) if len(kept) >= 2 else float("nan")


def iou(counts: GroupCounts, *, reduce: Reduce = "mean", empty: Empty = "ignore") -> float:
    """Squared deviation of each group's soft IOU from that of all samples, eq. (12); 0 is fair.

    Args:
        counts: the group counts of a split.
        reduce: over groups that have samples. ``mean`` is the authors' code, for which their weights are meant, ``sum`` the paper.
        empty: as for :func:`group_iou`.

    Returns:
        In [0, 1] for ``mean``; NaN when there is no sample (or, with ``empty="nan"``, if any cell is empty).

    Raises:
        DataError: a cell is empty and ``empty`` is ``error``.
    """
    deviations = (group_iou(counts, kind="soft", empty=empty) - _mean_iou(counts.soft.sum(axis=0))) ** 2
    return _reduced(deviations, reduce, empty)


def iou_paired(counts: GroupCounts, *, reduce: Reduce = "mean", empty: Empty = "ignore") -> float:
    """Squared difference of the soft IOU over pairs of groups, a variant in the authors' code only; 0 is fair.

    Args:
        counts: the group counts of a split.
        reduce: over pairs of groups that both have samples; ``mean`` is the authors' code.
        empty: as for :func:`group_iou`.

    Returns:
        In [0, 1] for ``mean``; NaN if fewer than two groups have samples (or, with ``empty="nan"``, if any cell is empty).

    Raises:
        DataError: a cell is empty and ``empty`` is ``error``.
    """
    pairs = itertools.combinations(group_iou(counts, kind="soft", empty=empty), 2)
    return _reduced(np.array([(one - other) ** 2 for one, other in pairs]), reduce, empty)


def _mean_iou(confusion: Floats) -> Floats:
    """Of confusion matrices ``(..., K, K)``, true by predicted, over the classes that have samples."""
    intersection = np.diagonal(confusion, axis1=-2, axis2=-1)
    of_class = confusion.sum(axis=-1)
    union = of_class + confusion.sum(axis=-2) - intersection
    per_class = np.divide(intersection, union, out=np.full(union.shape, np.nan), where=of_class > 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        mean: Floats = np.nanmean(per_class, axis=-1)
    return mean


def _reduced(deviations: Floats, reduce: Reduce, empty: Empty) -> float:
    kept = deviations if empty == "nan" else deviations[~np.isnan(deviations)]
    if len(kept) == 0:
        return float("nan")
    return float(kept.sum() if reduce == "sum" else kept.mean())
