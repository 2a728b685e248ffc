"""Estimates of DEO_M from group counts, among which the one that ranks settings best is looked for.

Each takes what was right in every cell, which is either counted (hard) or the summed probability of the true class (soft), and the
cell's samples, both ``(A, K)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from scipy.special import betaln

from fairtune.metrics import deo_m_shrunken, shrunken_cell_accuracy
from fairtune.records import Array, Floats, GroupCounts
from fairtune.seeding import generator

OfCells = Callable[[Floats, Floats], float]
Estimate = Callable[[GroupCounts], float]
_STRENGTHS = np.array([1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0])
"""Of a prior, in samples: how alike the groups are expected to be."""
_DRAWS = 256
_TINY = 1e-6


def gaps(accuracy: Floats) -> Floats:
    """Between groups, of accuracies ``(..., A, K)``: ``(..., K)``. An empty cell is left out."""
    spread: Floats = np.fmax.reduce(accuracy, axis=-2) - np.fmin.reduce(accuracy, axis=-2)
    return spread


def largest_gap(right: Floats, samples: Floats) -> float:
    """DEO_M."""
    return float(np.nanmax(gaps(_accuracy(right, samples))))


def mean_gap(right: Floats, samples: Floats) -> float:
    """DEO_A."""
    return float(np.nanmean(gaps(_accuracy(right, samples))))


def three_largest(right: Floats, samples: Floats) -> float:
    """Mean of the three largest gaps: between DEO_M and DEO_A."""
    return float(np.mean(np.sort(np.nan_to_num(gaps(_accuracy(right, samples))))[-3:]))


def shrunken(right: Floats, samples: Floats) -> float:
    """DEO_M of cells drawn to their class's, see :mod:`fairtune.metrics._shrunk`."""
    means = np.where(samples > 0, shrunken_cell_accuracy(right, samples), np.nan)
    return float(np.nanmax(gaps(means)))


def expected(right: Floats, samples: Floats) -> float:
    """The posterior mean of the largest gap, the prior's strength as likely as the counts make it."""
    means = [_expected_gap(*_posterior(right, samples, strength)) for strength in _STRENGTHS]
    return float(_likelihoods(right, samples) @ means)


def bias_corrected(right: Floats, samples: Floats) -> float:
    """DEO_M less what redrawing the samples of each cell adds to it."""
    found = largest_gap(right, samples)
    return 2 * found - _expected_gap(_accuracy(right, samples), _variance(_accuracy(right, samples), samples))


def _posterior(right: Floats, samples: Floats, strength: float) -> tuple[Floats, Floats]:
    """Mean and variance of each cell's accuracy under a Beta prior around its class's ``(A, K)``."""
    of_class = _of_class(right, samples)
    mean = (right + strength * of_class) / (samples + strength)
    return mean, mean * (1 - mean) / (samples + strength + 1)


def _of_class(right: Floats, samples: Floats) -> Floats:
    """The accuracy of each class, of all groups together ``(K,)``, neither 0 nor 1."""
    share: Floats = (right.sum(axis=0) / np.maximum(samples.sum(axis=0), 1)).clip(_TINY, 1 - _TINY)
    return share


def _likelihoods(right: Floats, samples: Floats) -> Floats:
    """How likely each strength of the prior is, of all that are tried: beta-binomial ``(strengths,)``."""
    of_class = (right.sum(axis=0) + 1) / (samples.sum(axis=0) + 2)
    a, b = (_STRENGTHS[:, None, None] * share for share in (of_class, 1 - of_class))
    log: Floats = (betaln(a + right, b + samples - right) - betaln(a, b)).sum(axis=(1, 2))
    weights = np.exp(log - log.max())
    shares: Floats = weights / weights.sum()
    return shares


def _expected_gap(mean: Floats, variance: Floats) -> float:
    """Of cells whose accuracies are normal, the mean of the largest gap, by draws that are the same for all settings."""
    drawn = (mean + np.sqrt(variance) * _draws(mean.shape)).clip(0, 1)
    return float(np.nanmax(gaps(drawn), axis=-1).mean())


@cache
def _draws(shape: tuple[int, ...]) -> Floats:
    half = generator(0, "bootstrap").standard_normal((_DRAWS, *shape))
    return np.concatenate([half, -half])


def _accuracy(right: Floats, samples: Floats) -> Floats:
    share: Floats = np.divide(right, samples, out=np.full(right.shape, np.nan), where=samples > 0)
    return share


def _variance(accuracy: Floats, samples: Floats) -> Floats:
    variance: Floats = accuracy * (1 - accuracy) / np.maximum(samples, 1)
    return variance


_OF_CELLS: Mapping[str, OfCells] = {
    "DEO_M": largest_gap,
    "DEO_A": mean_gap,
    "three largest gaps": three_largest,
    "shrunken": shrunken,
    "expected": expected,
    "bias-corrected": bias_corrected,
}


def _of_counts(of_cells: OfCells, table: Callable[[GroupCounts], Array]) -> Estimate:
    def estimate(counts: GroupCounts) -> float:
        return of_cells(np.diagonal(table(counts), axis1=1, axis2=2).astype(float), counts.cells.astype(float))

    return estimate


ESTIMATES: Mapping[str, Estimate] = {name: _of_counts(found, lambda counts: counts.hard) for name, found in _OF_CELLS.items()} | {
    **{f"soft {name}": _of_counts(found, lambda counts: counts.soft) for name, found in _OF_CELLS.items()},
    "stretched shrunken": deo_m_shrunken,
}
