"""Intersection over union of predicted and true classes, and how much it differs between groups.

T. Hänel, N. Kumar, D. Schlesinger, M. Li, E. Ünal, A. Eslami, S. Gumhold, "Enhancing Fairness of Visual Attribute Predictors",
ACCV 2022, eqs. (8) to (12) and the hyperparameter search of section 4. With C(y, p) a confusion matrix, counted (hard) or summed in
probability (soft),

    IOU = mean_y C(y, y) / (sum_p C(y, p) + sum_y' C(y', y) - C(y, y)),

over all samples or those of one group. Where a group lacks a class the authors' code counts an IOU of 0 for it, or divides 0 by 0;
here the class is left out of that group's mean.
"""

from __future__ import annotations

import math
import warnings
from typing import Literal

import numpy as np

from fairtune.metrics._gap import Empty, check_samples
from fairtune.metrics._independence import Reduce
from fairtune.metrics._limits import UNKNOWN, Limits
from fairtune.metrics._normal import exceeded
from fairtune.metrics._redrawn import draws
from fairtune.metrics._score import Score
from fairtune.metrics._spread import of_spread
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
    per_group = _mean(_class_iou(weigh(counts.hard if kind == "hard" else counts.soft, counts, weighting)))
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


def iou(counts: GroupCounts, *, reduce: Reduce = "sum", empty: Empty = "ignore") -> float:
    """Squared deviation of each group's soft IOU from that of all samples, eq. (12); 0 is fair.

    Args:
        counts: the group counts of a split.
        reduce: over groups that have samples. ``sum`` is the paper, ``mean`` the authors' code.
        empty: what an empty cell does: ``ignore`` compares each group on the classes it has, ``nan`` gives NaN, ``error`` raises.

    Returns:
        In [0, 1] for ``mean``; NaN when there is no sample.

    Raises:
        DataError: a cell is empty and ``empty`` is ``error``.
    """
    per_group, overall = _class_iou(counts.soft), _class_iou(counts.soft.sum(axis=0))
    return _reduced(_mean(per_group - overall) ** 2, counts, reduce, empty)


def iou_paired(counts: GroupCounts, *, reduce: Reduce = "mean", empty: Empty = "ignore") -> float:
    """Squared difference of the soft IOU over pairs of groups, a variant in the authors' code only; 0 is fair.

    Args:
        counts: the group counts of a split.
        reduce: over pairs of groups that can be compared; ``mean`` is the authors' code.
        empty: what an empty cell does: ``ignore`` compares two groups on the classes that both have, ``nan`` gives NaN, ``error``
            raises.

    Returns:
        In [0, 1] for ``mean``; NaN if no two groups have a class in common.

    Raises:
        DataError: a cell is empty and ``empty`` is ``error``.
    """
    per_group = _class_iou(counts.soft)
    first, second = np.triu_indices(len(per_group), k=1)
    return _reduced(_mean(per_group[first] - per_group[second]) ** 2, counts, reduce, empty)


def sigma_iou_limits(counts: GroupCounts, level: float, *, weighting: Weighting = "samples") -> Limits:
    """How far the true sigma_IOU may lie from that of the split; tables drawn anew give the standard error of each group's IOU."""
    of_group = group_iou(counts, weighting=weighting)
    there = ~np.isnan(of_group)
    if there.sum() < 2:
        return UNKNOWN
    drawn = np.stack([table.hard for table in draws(counts)])[:, there].astype(float)
    if weighting == "cells":
        drawn /= np.maximum(counts.cells[there], 1)[:, :, None]
    errors: Floats = _mean(_class_iou(drawn)).std(axis=0)
    steepest = float(np.hypot(*errors)) / math.sqrt(2) if len(errors) == 2 else float(errors.max()) / math.sqrt(len(errors) - 1)
    reach = exceeded((1 - level) / 2) * steepest
    return of_spread(_deviation, of_group[there, None], errors[:, None], (reach, reach), level)


def _deviation(rates: Floats) -> Floats:
    deviation: Floats = rates[..., 0].std(axis=-1, ddof=1)
    return deviation


def _class_iou(confusion: Floats) -> Floats:
    """Of each class, from confusion matrices ``(..., K, K)``, true by predicted; NaN for a class without samples."""
    intersection = np.diagonal(confusion, axis1=-2, axis2=-1)
    of_class = confusion.sum(axis=-1)
    union = of_class + confusion.sum(axis=-2) - intersection
    per_class: Floats = np.divide(intersection, union, out=np.full(union.shape, np.nan), where=of_class > 0)
    return per_class


def _mean(per_class: Floats) -> Floats:
    """Over the classes that are there; NaN where none is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        mean: Floats = np.nanmean(per_class, axis=-1)
    return mean


def _reduced(deviations: Floats, counts: GroupCounts, reduce: Reduce, empty: Empty) -> float:
    if empty == "error":
        check_samples(counts.cells)
    kept = deviations[~np.isnan(deviations)]
    if len(kept) == 0 or (empty == "nan" and (counts.cells == 0).any()):
        return float("nan")
    return float(kept.sum() if reduce == "sum" else kept.mean())


SIGMA_IOU = Score(
    "sigma_iou",
    "sigma_IOU",
    "lower",
    "standard deviation (n - 1) over groups of the mean intersection over union; 0 is fair",
    compute=sigma_iou,
    limits=sigma_iou_limits,
    weighted=True,
    gap=True,
)
