"""How much the groups of a dataset say about its classes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fairtune.records import Floats, Ints
from fairtune.seeding import generator

_DRAWS = 1000
_Z = 1.959964
_GAP = 0.05


class Estimate(NamedTuple):
    """A figure with its 95 % interval, by bootstrap of the samples (percentiles of 1,000 draws)."""

    value: float
    low: float
    high: float


class Skew(NamedTuple):
    """How class and group hang together.

    Attributes:
        information: mutual information in nats.
        share: of the smaller of the two entropies: 0 means independent, 1 that one determines the other.
        cramers_v: Cramér's V, likewise from 0 to 1.
    """

    information: Estimate
    share: Estimate
    cramers_v: Estimate


def skew_of(cells: Ints) -> Skew:
    """The skew of a split; all three err upwards where samples are few, as their intervals show.

    Args:
        cells: samples per cell ``(A, K)``.
    """
    drawn = generator(0, "bootstrap").multinomial(cells.sum(), cells.ravel() / cells.sum(), size=_DRAWS)
    tables = drawn.reshape(_DRAWS, *cells.shape)
    return Skew(*(_estimate(measure, cells, tables) for measure in (mutual_information, normalised_information, cramers_v)))


def mutual_information(cells: Ints) -> float:
    """Mutual information of class and group in nats, of samples per cell ``(A, K)``."""
    joint = cells / cells.sum()
    return max(0.0, _entropy(joint.sum(axis=1)) + _entropy(joint.sum(axis=0)) - _entropy(joint.ravel()))


def normalised_information(cells: Ints) -> float:
    """Mutual information as a share of the smaller of the two entropies; 0 where one of them is 0."""
    joint = cells / cells.sum()
    most = min(_entropy(joint.sum(axis=1)), _entropy(joint.sum(axis=0)))
    return mutual_information(cells) / most if most > 0 else 0.0


def cramers_v(cells: Ints) -> float:
    """Cramér's V: the square root of chi-squared as a share of what it can be at most; 0 where there is one class or group.

    H. Cramér, Mathematical Methods of Statistics, 1946, chapter 21.9.
    """
    present = cells[cells.sum(axis=1) > 0][:, cells.sum(axis=0) > 0]
    if min(present.shape) < 2:
        return 0.0
    expected = np.outer(present.sum(axis=1), present.sum(axis=0)) / present.sum()
    chi_squared = float(((present - expected) ** 2 / expected).sum())
    return math.sqrt(chi_squared / (present.sum() * (min(present.shape) - 1)))


def reach_of_gap(first: int, second: int, recall: float) -> float:
    """How far to both sides the 95 % interval of a gap between two groups' recalls reaches (normal approximation).

    Args:
        first: samples of one group.
        second: samples of the other.
        recall: of both.
    """
    if not first or not second:
        return math.inf
    return _Z * math.sqrt(recall * (1 - recall) * (1 / first + 1 / second))


def needed_for_gap(recall: float, reach: float = _GAP) -> int:
    """Samples in each of two equal cells from which on the interval of their gap reaches no farther than ``reach``."""
    return math.ceil(2 * recall * (1 - recall) * (_Z / reach) ** 2)


def _estimate(measure: Callable[[Ints], float], cells: Ints, tables: Ints) -> Estimate:
    drawn = [measure(table) for table in tables]
    return Estimate(measure(cells), *(float(end) for end in np.quantile(drawn, (0.025, 0.975))))


def _entropy(shares: Floats) -> float:
    present = shares[shares > 0]
    return float(-(present * np.log(present)).sum())
