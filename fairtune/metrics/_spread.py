"""Limits of scores that add up how far groups lie apart: means and deviations of gaps; :mod:`fairtune.metrics._limits` has the
largest.

Errors make groups differ that do not, and a mean over classes adds that up. How much is found by drawing errors around rates whose
gaps are as small as the data allow.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fairtune.metrics._limits import UNKNOWN, Limits
from fairtune.records import Floats
from fairtune.seeding import generator

_DRAWS = 2000
_SURE = 2.5
"""Standard errors beyond which a gap is taken to be one when the lower limit is sought."""
_LIKELY = 1.0
"""The same for the estimate."""


def of_spread(
    spread: Callable[[Floats], Floats],
    rates: Floats,
    errors: Floats,
    reach: tuple[float, float],
    level: float,
    samples: Floats | None = None,
) -> Limits:
    """Of a seminorm of the differences between groups, such as a mean of gaps or a standard deviation.

    Args:
        spread: the function of rates ``(..., A, K)``; 0 where all groups are alike.
        rates: estimated rates of groups ``(A, K)``, independent; NaN where there is none.
        errors: their standard errors.
        reach: how far below and above its estimate the function may lie at that level, were the estimate not biased.
        level: confidence, between 0 and 1.
        samples: that each rate is a share of ``(A, K)``, so that its errors are binomial; None where they are about normal.
    """
    value = float(spread(rates))
    if not np.isfinite(value):
        return UNKNOWN
    down, up = reach
    raised = _raised(spread, rates, errors, samples, _SURE)
    low = value - max(float(np.quantile(raised, (1 + level) / 2)), down)
    estimate = value - float(np.median(_raised(spread, rates, errors, samples, _LIKELY)))
    return Limits(max(low, 0.0), max(estimate, 0.0), value + up)


def _raised(spread: Callable[[Floats], Floats], rates: Floats, errors: Floats, samples: Floats | None, sure: float) -> Floats:
    """By how much errors raise the function where gaps are smaller than estimated by so many standard errors of each."""
    least, most = np.fmin.reduce(rates, axis=0), np.fmax.reduce(rates, axis=0)
    unsure = sure * np.hypot(*np.sort(np.nan_to_num(errors), axis=0)[-2:])
    closer = np.where(rates > most - unsure, most, np.where(rates < least + unsure, least, rates))
    gap = np.maximum(most - least - unsure, 0.0)
    closer = least + np.divide(gap, most - least, out=np.zeros_like(gap), where=most > least) * (closer - least)
    raised: Floats = spread(_noisy(closer, rates, errors, samples)) - spread(closer)
    return raised


def _noisy(closer: Floats, rates: Floats, errors: Floats, samples: Floats | None) -> Floats:
    """Rates with errors drawn around them ``(draws, A, K)``.

    Binomial ones are laid about what all groups of a class have together, with one hit and one miss more: where cells are so small
    that all of their samples are hits, errors around their own rates would be none.
    """
    rng = generator(0, "bootstrap")
    if samples is None:
        normal: Floats = closer + rng.standard_normal((_DRAWS, *rates.shape)) * errors
        return normal
    total = samples.sum(axis=0)
    hits, shifted = (np.nansum(samples * part, axis=0) for part in (rates, closer))
    around = np.nan_to_num(np.clip(closer + (hits + 1) / (total + 2) - shifted / total, 0.0, 1.0))
    sizes = np.where(samples > 0, np.maximum(np.rint(samples), 1), 0).astype(np.int64)
    binomial: Floats = rng.binomial(sizes, around, (_DRAWS, *rates.shape)) / np.where(sizes > 0, sizes, np.nan)
    return binomial
