"""Shares of samples with how far the truth may lie from them, however few the samples, and where all count or none."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from fairtune.metrics._normal import share_below
from fairtune.records import Floats


class Shares(NamedTuple):
    """Probabilities, each estimated by a weighted mean of independent shares.

    Attributes:
        hits: samples that count, ``(..., m)`` for means of m shares.
        samples: of which, likewise.
        weights: at least 0 with the sum 1 over the last axis; all NaN where there is nothing to estimate from.
    """

    hits: Floats
    samples: Floats
    weights: Floats

    @classmethod
    def single(cls, hits: npt.ArrayLike, samples: npt.ArrayLike) -> Self:
        """Plain shares ``hits / samples``."""
        return cls.mean(np.asarray(hits)[..., None], np.asarray(samples)[..., None])

    @classmethod
    def mean(cls, hits: npt.ArrayLike, samples: npt.ArrayLike) -> Self:
        """Means over the last axis of the shares that have samples."""
        hits, samples = np.broadcast_arrays(np.asarray(hits, dtype=float), np.asarray(samples, dtype=float))
        there = (samples > 0).astype(float)
        some = there.sum(axis=-1, keepdims=True)
        return cls(hits, samples, np.divide(there, some, out=np.full(there.shape, np.nan), where=some > 0))

    @property
    def values(self) -> Floats:
        """The estimates ``(...)``; NaN where there is no sample."""
        values: Floats = (self.weights * self._shares).sum(axis=-1)
        return values

    def reach(self, z: float) -> tuple[Floats, Floats]:
        """How far below and above each estimate the truth may lie, ``(...)`` each, at the risk of a normal error beyond z a side.

        L. D. Brown, T. T. Cai, A. DasGupta, "Interval estimation for a binomial proportion", Statistical Science 2001: Jeffreys'
        limits for a share, which err alike on both sides. Several are joined as G. Y. Zou, A. Donner, "Construction of confidence
        limits about effect measures", Statistics in Medicine 2008: the squares of their reaches add up. A share of 1 has no reach
        above it, and of several that are mostly 1 those that happen to be tell nothing of the others' errors: a mean of several
        reaches on either side at least as far as the means of each share's two reaches say.
        """
        down, up = self._reaches(z)
        several = (self.weights > 0).sum(axis=-1) > 1
        least = np.where(several, self._joined((down + up) / 2), 0.0)
        return np.maximum(self._joined(down), least), np.maximum(self._joined(up), least)

    @property
    def errors(self) -> Floats:
        """Standard errors ``(...)``, as wide as the 95 % reaches say: never 0."""
        down, up = self._reaches(1.96)
        return (self._joined(down) + self._joined(up)) / (2 * 1.96)

    def exact_reach_below(self, z: float) -> Floats:
        """How far below each estimate the truth may lie, at no more than the risk of a normal error beyond z; ``(...)``.

        C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
        Biometrika 1934. For the largest of many shares near 0, which is one with a hit or two: Jeffreys' lower limit of such a
        share lies above the truth too often, and the largest of them all the more.
        """
        from scipy.special import betaincinv

        hits = np.maximum(self.hits, np.finfo(float).tiny)
        low = np.where(self.hits > 0, betaincinv(hits, self.samples - self.hits + 1, share_below(-z)), 0.0)
        return np.maximum(self._joined(self._shares - low), self.reach(z)[0])

    def where(self, kept: npt.NDArray[np.bool_]) -> Shares:
        """Some of them, picked from the axes before the last."""
        return Shares(self.hits[kept], self.samples[kept], self.weights[kept])

    @property
    def _shares(self) -> Floats:
        shares: Floats = np.divide(self.hits, self.samples, out=np.zeros(self.samples.shape), where=self.samples > 0)
        return shares

    def _reaches(self, z: float) -> tuple[Floats, Floats]:
        """Of each share below and above, ``(..., m)``."""
        from scipy.special import betaincinv

        risk, share = share_below(-z), self._shares
        right, wrong = self.hits + 0.5, self.samples - self.hits + 0.5
        low = np.where(self.hits > 0, betaincinv(right, wrong, risk), 0.0)
        high = np.where(self.hits < self.samples, betaincinv(right, wrong, 1 - risk), 1.0)
        return share - low, high - share

    def _joined(self, reach: Floats) -> Floats:
        joined: Floats = np.sqrt(((self.weights * reach) ** 2).sum(axis=-1))
        return joined


class Differences(NamedTuple):
    """Differences of independent shares, or the shares themselves, with how far the truth may lie from them.

    R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven methods",
    Statistics in Medicine 1998, method 10.

    Attributes:
        more: what is subtracted from, ``(J,)``.
        less: what is subtracted, ``(J,)``; None for nothing.
    """

    more: Shares
    less: Shares | None = None

    @classmethod
    def between_groups(cls, shares: Shares) -> Self:
        """Between any two groups, the larger less the smaller.

        Args:
            shares: of shape ``(A, ...)``.
        """
        one, other = np.triu_indices(len(shares.values), k=1)
        first, second = (Shares(*(part[pick].reshape(-1, part.shape[-1]) for part in shares)) for pick in (one, other))
        less = (first.values < second.values)[:, None]
        pairs = list(zip(first, second, strict=True))
        return cls(Shares(*(np.where(less, b, a) for a, b in pairs)), Shares(*(np.where(less, a, b) for a, b in pairs)))

    @property
    def values(self) -> Floats:
        """The estimates, ``(J,)``."""
        return self.more.values if self.less is None else self.more.values - self.less.values

    def reach(self, z: float) -> tuple[Floats, Floats]:
        """As :meth:`Shares.reach`."""
        down, up = self.more.reach(z)
        if self.less is None:
            return down, up
        less_down, less_up = self.less.reach(z)
        return np.hypot(down, less_up), np.hypot(up, less_down)

    @property
    def errors(self) -> Floats:
        """As :attr:`Shares.errors`."""
        errors: Floats = self.more.errors if self.less is None else np.hypot(self.more.errors, self.less.errors)
        return errors

    def where(self, kept: npt.NDArray[np.bool_]) -> Differences:
        """Some of them."""
        return Differences(self.more.where(kept), None if self.less is None else self.less.where(kept))
