"""The normal and Student's distribution; scipy is imported only where it is asked, so that naming scores stays quick."""

from __future__ import annotations

import numpy as np

from fairtune.records import Floats


def share_below(z: Floats | float) -> Floats:
    """How likely a normal error is below z, of the shape of z."""
    from scipy.special import ndtr

    return np.asarray(ndtr(z), dtype=float)


def exceeded(risk: float) -> float:
    """What a normal error exceeds with this risk."""
    from scipy.special import ndtri

    return float(-ndtri(risk))


def student(level: float, freedom: int) -> float:
    """How many standard errors Student's two-sided interval reaches."""
    from scipy.stats import t

    return float(t.ppf((1 + level) / 2, freedom))
