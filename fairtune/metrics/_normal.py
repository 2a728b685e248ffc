"""The normal and Student's distribution; scipy is imported only where it is asked, so that naming scores stays quick."""

from __future__ import annotations

import math

import numpy as np

from fairtune.records import Floats


def share_below(z: Floats | float) -> Floats:
    """How likely a normal error is below z, of the shape of z."""
    from scipy.special import ndtr

    return np.asarray(ndtr(z), dtype=float)


def exceeded(risk: float, freedom: float = math.inf) -> float:
    """What a normal error exceeds with this risk, or Student's where it has finitely many degrees of freedom."""
    from scipy.special import ndtri, stdtrit

    return float(-ndtri(risk) if math.isinf(freedom) else -stdtrit(freedom, risk))


def student(level: float, freedom: int) -> float:
    """How many standard errors Student's two-sided interval reaches."""
    return exceeded((1 - level) / 2, freedom)
