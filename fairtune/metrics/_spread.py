"""Limits of scores that add up how far groups lie apart: means and deviations of gaps; :mod:`fairtune.metrics._limits` has the
largest.

Errors make groups differ that do not, and a mean over classes adds that up. How much is found by drawing errors around rates whose
gaps are as small as the data allow.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fairtune.metrics._limits import UNKNOWN, Limits
from fairtune.metrics._normal import exceeded
from fairtune.records import Floats
from fairtune.seeding import generator

_DRAWS = 2000
_SURE = 2.5
"""Standard errors beyond which a gap is taken to be one when the lower limit is sought."""
_LIKELY = 1.0
"""The same for the estimate."""


def of_spread(spread: Callable[[Floats], Floats], rates: Floats, errors: Floats, steepest: float, level: float) -> Limits:
    """Of a seminorm of the differences between groups, such as a mean of gaps or a standard deviation.

    Args:
        spread: the function of rates ``(..., A, K)``; 0 where all groups are alike.
        rates: estimated rates of groups ``(A, K)``, independent; NaN where there is none.
        errors: their standard errors.
        steepest: the largest standard error that the function can have.
        level: confidence, between 0 and 1.
    """
    value = float(spread(rates))
    if not np.isfinite(value):
        return UNKNOWN
    drawn = generator(0, "bootstrap").standard_normal((_DRAWS, *rates.shape)) * errors
    reach = exceeded((1 - level) / 2) * steepest
    raised = _raised(spread, rates, errors, drawn, _SURE)
    low = value - max(float(np.quantile(raised, (1 + level) / 2)), reach)
    estimate = value - float(np.median(_raised(spread, rates, errors, drawn, _LIKELY)))
    return Limits(max(low, 0.0), max(estimate, 0.0), value + reach)


def _raised(spread: Callable[[Floats], Floats], rates: Floats, errors: Floats, drawn: Floats, sure: float) -> Floats:
    """By how much errors raise the function where gaps are smaller than estimated by so many standard errors of each."""
    least, most = np.fmin.reduce(rates, axis=0), np.fmax.reduce(rates, axis=0)
    unsure = sure * np.hypot(*np.sort(np.nan_to_num(errors), axis=0)[-2:])
    closer = np.where(rates > most - unsure, most, np.where(rates < least + unsure, least, rates))
    gap = np.maximum(most - least - unsure, 0.0)
    closer = least + np.divide(gap, most - least, out=np.zeros_like(gap), where=most > least) * (closer - least)
    raised: Floats = spread(closer + drawn) - spread(closer)
    return raised
