"""How far one model's true score may lie from what a finite split shows: limits that hold for maxima too.

A maximum of noisy gaps is biased upwards, the more of them are close to the largest the more, and no bootstrap around the
estimate sees how many are. The limits here hold for any number of them. The upper one needs no correction for how many there are:
whichever gap is truly the largest has its own limit, and the largest limit is not below that (R. L. Berger, "Multiparameter
hypothesis testing and acceptance sampling", Technometrics 1982). The lower one inverts a test: it is the least value that the data
do not refute even where all gaps equal it, which is where a maximum is overshot most (V. Chernozhukov, S. Lee, A. M. Rosen,
"Intersection bounds: estimation and inference", Econometrica 2013). The two risks need not be halved: where all gaps are equal the
upper limit does not fail, and where one stands out the lower one hardly does.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from fairtune.metrics._normal import exceeded, share_below
from fairtune.metrics._shares import Differences, Shares
from fairtune.records import Floats


class Limits(NamedTuple):
    """What one split tells of a model's true score.

    Attributes:
        low, high: hold the true score with the confidence asked for.
        estimate: the score without most of the bias of a maximum.
    """

    low: float
    estimate: float
    high: float

    def mirrored(self) -> Limits:
        """Those of 1 less the score."""
        return Limits(1 - self.high, 1 - self.estimate, 1 - self.low)


UNKNOWN = Limits(math.nan, math.nan, math.nan)
"""Where there is nothing to tell from."""


def of_share(share: Shares, level: float) -> Limits:
    """Of a single probability, ``share`` being of shape ``()``."""
    value = float(share.values)
    down, up = share.reach(exceeded((1 - level) / 2))
    return Limits(value - float(down), value, value + float(up))


def of_largest(compared: Differences, level: float, *, folded: bool) -> Limits:
    """Of the largest of several differences.

    Args:
        compared: the differences ``(J,)``; those that are NaN are left out.
        level: confidence, between 0 and 1.
        folded: whether each difference stands for its opposite too, so that its size counts and the largest is at least 0; then
            each has to be given in the direction in which it is not negative. Otherwise they are shares, with nothing subtracted.
    """
    compared = compared.where(np.isfinite(compared.values))
    values = compared.values
    if not len(values):
        return UNKNOWN
    risk = 1 - level
    above = max(risk / 2, risk - 1 + (1 - risk) ** (1 / len(values)))
    errors = compared.errors
    high = above_largest(compared, above, folded=folded)
    least = exceeded(risk - above)
    alike, apart = np.zeros(len(values)), np.maximum((values.max() - values) / errors - 1, 0.0)
    if folded:
        return Limits(_refuted(compared, risk, errors, alike, least), _refuted(compared, 0.5, errors, apart, 0.0), high)
    below = compared.more.exact_reach_below(max(least, _critical(risk, alike, None)))
    middle = compared.reach(_critical(0.5, apart, None))[0]
    return Limits(float((values - below).max()), float((values - middle).max()), high)


def above_largest(compared: Differences, risk: float, *, folded: bool) -> float:
    """What the largest of several differences is not above, but with this risk; it takes no test inversion.

    Args:
        compared: the differences ``(J,)``, none of them NaN; NaN is returned where there is none.
        risk: between 0 and 1.
        folded: as for :func:`of_largest`.
    """
    values = compared.values
    if not len(values):
        return math.nan
    down, up = compared.reach(exceeded(risk))
    return float(np.maximum(values + up, down - values if folded else -math.inf).max())


def _refuted(compared: Differences, risk: float, errors: Floats, apart: Floats, least: float) -> float:
    """The largest value below which the data refute every largest difference; with risk 1/2 the middle of them.

    Args:
        compared: the differences, each of which stands for its opposite too.
        risk: of refuting wrongly.
        errors: their standard errors.
        apart: how many standard errors each is known to lie below the largest; 0 guards against any that it is equal.
        least: the least critical value.
    """
    low = 0.0
    while True:  # the critical value falls as the tested value grows, so this rises to the least that is not refuted
        z = max(least, _critical(risk, apart, 2 * low / errors))
        higher = float((compared.values - compared.reach(z)[0]).max())
        if higher <= low + 1e-4:
            return low
        low = higher


def _critical(risk: float, apart: Floats, opposite: Floats | None) -> float:
    """What the largest of independent normal errors exceeds with a given risk.

    Args:
        risk: between 0 and 1.
        apart: how far each error's threshold lies above the common one.
        opposite: how far the threshold for the opposite sign does; None where that sign does not count.
    """
    low, high = 0.0, 8.0
    while high - low > 1e-4:
        z = (low + high) / 2
        within = share_below(z + apart) - (0.0 if opposite is None else share_below(-z - opposite))
        low, high = (z, high) if within.prod() < 1 - risk else (low, z)
    return high
