"""How far predictions are from independent of the group: squared differences and mutual information of probabilities.

T. Hänel, N. Kumar, D. Schlesinger, M. Li, E. Ünal, A. Eslami, S. Gumhold, "Enhancing Fairness of Visual Attribute Predictors",
ACCV 2022, eqs. (3), (4), (6), (7). With p_ij the predicted probability of class j for sample i, P(j) is its mean over all samples,
P(j|b) over group b, P(j|y,b) over a cell. The authors average their losses over the batches of a shuffled loader, where a batch
with an empty cell counts as 0; here each quantity is computed once over the whole split, from ``GroupCounts.soft``, and an
empty cell contributes nothing.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from fairtune.metrics._gap import Empty, check_samples
from fairtune.records import Floats, GroupCounts, Ints

Reduce = Literal["sum", "mean"]


def dp_l2(counts: GroupCounts, *, empty: Empty = "ignore") -> float:
    """Squared deviation from demographic parity: sum_j sum_b (P(j|b) - P(j))^2, eq. (3).

    Args:
        counts: the group counts of a split.
        empty: what an empty group does: ``ignore`` leaves its term out, ``nan`` gives NaN, ``error`` raises.

    Returns:
        At least 0; 0 means that the mean prediction of every group is the same.

    Raises:
        DataError: a group is empty and ``empty`` is ``error``.
    """
    return _squared_deviation(counts.soft.sum(axis=1), counts.cells.sum(axis=1), empty)


def eo_l2(counts: GroupCounts, *, empty: Empty = "ignore") -> float:
    """Squared deviation from equalized odds: sum_j sum_y sum_b (P(j|y,b) - P(j|y))^2, eq. (6).

    Args:
        counts: the group counts of a split.
        empty: what an empty cell does: ``ignore`` leaves its term out, ``nan`` gives NaN, ``error`` raises.

    Returns:
        At least 0; 0 means that within each class the mean prediction of every group is the same.

    Raises:
        DataError: a cell is empty and ``empty`` is ``error``.
    """
    return _squared_deviation(counts.soft, counts.cells, empty)


def dp_mi(counts: GroupCounts) -> float:
    """Mutual information of predicted class and group in nats, H(a) + H(pred) - H(a, pred), eq. (4).

    Returns:
        In [0, min(ln A, ln K)]; 0 means that they are independent. An empty group changes nothing. NaN when there is no sample.
    """
    return float(_mutual_information(counts.soft.sum(axis=1)))


def eo_mi(counts: GroupCounts, *, reduce: Reduce = "sum") -> float:
    """Mutual information of predicted class and group within each label in nats, eq. (7).

    Args:
        counts: the group counts of a split.
        reduce: over labels that have samples. ``sum`` is the authors' code, each label alike whatever its share; ``mean`` is
            comparable between numbers of classes.

    Returns:
        At least 0; 0 means that within each label they are independent. NaN when there is no sample.
    """
    per_label = _mutual_information(counts.soft.swapaxes(0, 1))
    present = per_label[~np.isnan(per_label)]
    if len(present) == 0:
        return float("nan")
    return float(present.sum() if reduce == "sum" else present.mean())


def _squared_deviation(sums: Floats, samples: Ints, empty: Empty) -> float:
    """sum over all of (P(j|.,b) - P(j|.))^2, with sums ``(A, ..., K)`` of probabilities over samples ``(A, ...)``."""
    if empty == "error":
        check_samples(samples)
    if samples.sum() == 0 or (empty == "nan" and (samples == 0).any()):
        return float("nan")
    within = _means(sums, samples)
    overall = _means(sums.sum(axis=0), samples.sum(axis=0))
    return float(((within - overall) ** 2)[samples > 0].sum())


def _means(sums: Floats, samples: Ints) -> Floats:
    """0 where there is no sample."""
    means: Floats = sums / np.where(samples > 0, samples, 1)[..., None]
    return means


def _mutual_information(joint: Floats) -> Floats:
    """Of the last two axes in nats, never negative; NaN where the joint table is 0 throughout."""
    total = joint.sum(axis=(-2, -1), keepdims=True)
    joint = np.divide(joint, total, out=np.full(joint.shape, np.nan), where=total > 0)
    entropies = (_entropy(joint.sum(axis=axis)) for axis in (-1, -2))
    flat = joint.reshape(*joint.shape[:-2], -1)
    return np.maximum(sum(entropies) - _entropy(flat), 0)


def _entropy(probabilities: Floats) -> Floats:
    """In nats, over the last axis; 0 ln 0 is 0."""
    logarithms = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities != 0)
    entropy: Floats = -(probabilities * logarithms).sum(axis=-1)
    return entropy
