"""Difference of equalized odds: the gap between groups in per-class accuracy.

S. Jung, D. Lee, T. Park, T. Moon, "Fair Feature Distillation for Visual Recognition", CVPR 2021, eqs. (1) and (2):

    gap(y) = max_a P(pred = y | a, y) - min_a P(pred = y | a, y),    DEO_M = max_y gap(y),    DEO_A = mean_y gap(y).

Only the diagonal of the confusion matrix enters, so this is weaker than full equalized odds
(:func:`fairtune.metrics.equalized_odds`). The authors' code gives NaN as soon as one cell is empty (``empty="nan"`` here); by
default an empty cell contributes nothing, and :func:`small_cells` names it. ``minimum`` treats cells with few samples as empty.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fairtune.metrics._accuracy import cell_accuracy
from fairtune.metrics._gap import Empty, reduce_gaps, spread
from fairtune.metrics._limits import UNKNOWN, Limits, above_largest, of_largest
from fairtune.metrics._normal import exceeded
from fairtune.metrics._score import Score
from fairtune.metrics._shares import Differences, Shares
from fairtune.metrics._spread import of_spread
from fairtune.records import Floats, GroupCounts


def gaps(counts: GroupCounts, *, empty: Empty = "ignore", minimum: int = 1) -> Floats:
    """Largest between-group gap in accuracy of each class.

    Args:
        counts: the group counts of a split.
        empty: what an empty cell does. ``ignore`` compares the groups that are present: a class present in one group only has
            gap 0, an absent class none (NaN), and where no class is present in two groups there is nothing to compare and all
            are NaN. ``nan`` makes its class NaN; ``error`` raises and names every such cell.
        minimum: a cell with fewer samples counts as empty; at least 1.

    Returns:
        ``(K,)`` in [0, 1]; 0 means that all groups are recognised equally well.

    Raises:
        DataError: a cell is empty and ``empty`` is ``error``.
    """
    return spread(cell_accuracy(counts), counts.cells, empty=empty, minimum=minimum)


def deo_m(counts: GroupCounts, *, empty: Empty = "ignore", minimum: int = 1) -> float:
    """Maximum over classes of the between-group accuracy gap (see :func:`gaps`); 0 is fair, 1 is worst.

    A maximum of noisy gaps is biased upwards: report it with :func:`fairtune.metrics.interval`.

    Returns:
        In [0, 1], or NaN if no class can be compared (or, with ``empty="nan"``, if any cell is empty).
    """
    return reduce_gaps(np.max, gaps(counts, empty=empty, minimum=minimum), empty)


def deo_a(counts: GroupCounts, *, empty: Empty = "ignore", minimum: int = 1) -> float:
    """Mean over classes of the between-group accuracy gap (see :func:`gaps`); 0 is fair, 1 is worst."""
    return reduce_gaps(np.mean, gaps(counts, empty=empty, minimum=minimum), empty)


def _recalls(counts: GroupCounts) -> Shares:
    """Of every cell ``(A, K)``."""
    return Shares.single(np.diagonal(counts.hard, axis1=1, axis2=2), counts.cells)


def deo_m_limits(counts: GroupCounts, level: float) -> Limits:
    """How far the true DEO_M may lie from that of the split."""
    return of_largest(Differences.between_groups(_recalls(counts)), level, folded=True)


def deo_m_upper(counts: GroupCounts, confidence: float) -> float:
    """What the true DEO_M is not above, with this confidence; in [0, 1], and NaN if no class can be compared.

    One-sided, and so cheap: limits on both sides invert a test.

    Args:
        counts: the group counts of a split.
        confidence: between 0 and 1.
    """
    compared = Differences.between_groups(_recalls(counts))
    return min(1.0, above_largest(compared.where(np.isfinite(compared.values)), 1 - confidence, folded=True))


def deo_a_limits(counts: GroupCounts, level: float) -> Limits:
    """How far the true DEO_A may lie from that of the split."""
    there = counts.cells > 0
    present = there.any(axis=0)
    if not (there.sum(axis=0) > 1).any():
        return UNKNOWN
    recalls = _recalls(counts)
    errors = np.where(there, recalls.errors, np.nan)[:, present]
    values, samples = recalls.values[:, present], counts.cells[:, present].astype(float)
    reach = _reach_of_mean(recalls, there, exceeded((1 - level) / 2))
    return of_spread(_mean_gap, values, errors, reach, level, samples)


def _reach_of_mean(recalls: Shares, there: npt.NDArray[np.bool_], z: float) -> tuple[float, float]:
    """How far below and above DEO_A the truth may lie, were a gap's estimate not biased.

    As of a mean of differences of shares (Zou and Donner 2008), the squares of the gaps' reaches add up: below, of its two groups;
    above, to the highest limit of any two. Each is at least what the two largest standard errors of the class say, as the groups
    that are the extreme ones may be so by chance.
    """
    compared = there.sum(axis=0) > 1
    values, errors = (np.where(there, part, 0.0)[:, compared] for part in (recalls.values, recalls.errors))
    down, up = (np.where(there, part, 0.0)[:, compared] for part in recalls.reach(z))
    pair = there[:, None, compared] & there[None, :, compared]
    apart = np.where(pair, values[:, None] - values[None, :], -1.0)
    gap = apart.max(axis=(0, 1))
    above = np.where(pair, apart + np.hypot(up[:, None], down[None, :]), -1.0).max(axis=(0, 1)) - gap
    below = np.where(apart == gap, np.hypot(down[:, None], up[None, :]), 0.0).max(axis=(0, 1))
    least = z * np.hypot(*np.sort(errors, axis=0)[-2:])
    classes = int(there.any(axis=0).sum())
    down_of_mean, up_of_mean = (float(np.sqrt((np.maximum(least, part) ** 2).sum())) / classes for part in (below, above))
    return down_of_mean, up_of_mean


def _mean_gap(rates: Floats) -> Floats:
    gap: Floats = (np.fmax.reduce(rates, axis=-2) - np.fmin.reduce(rates, axis=-2)).mean(axis=-1)
    return gap


def _largest_gap(rates: Floats) -> Floats:
    """DEO_M ``(...)`` of accuracies ``(..., A, K)``."""
    gap = np.fmax.reduce(rates, axis=-2) - np.fmin.reduce(rates, axis=-2)
    comparable = (np.isfinite(rates).sum(axis=-2) > 1).any(axis=-1)
    largest: Floats = np.where(comparable, np.fmax.reduce(gap, axis=-1), np.nan)
    return largest


DEO_M = Score(
    "deo_m",
    "DEO_M",
    "lower",
    "maximum over classes of the largest between-group gap in accuracy; 0 is fair",
    compute=deo_m,
    limits=deo_m_limits,
    gap=True,
    shown="tables",
    estimate="deo_m_shrunken",
    bound="deo_m_upper",
    of_cells=_largest_gap,
)
DEO_M_UPPER = Score(
    "deo_m_upper",
    "DEO_M at most",
    "lower",
    "what DEO_M is not above with the confidence that a rule asks for: what searches rank DEO_M by under that rule",
    source="rule",
    gap=True,
)
DEO_A = Score(
    "deo_a",
    "DEO_A",
    "lower",
    "mean over classes of the largest between-group gap in accuracy; 0 is fair",
    compute=deo_a,
    limits=deo_a_limits,
    gap=True,
    shown="tables",
)
