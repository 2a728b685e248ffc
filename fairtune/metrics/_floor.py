"""Whether an accuracy reaches a floor, whatever the order in which its mean was summed."""

from __future__ import annotations

_ROUNDING = 1e-9
"""By which two means of the same accuracies may differ: far less than one sample of any split weighs."""


def shortfall(accuracy: float, floor: float) -> float:
    """By how much an accuracy misses a floor; 0 or less where it reaches it.

    Args:
        accuracy: a mean over cells, seeds or folds as well, which rounding may leave just below what it truly is.
        floor: likewise.

    Returns:
        NaN where either is.
    """
    missing = floor - accuracy
    return 0.0 if 0.0 < missing <= _ROUNDING else missing


def reaches(accuracy: float, floor: float) -> bool:
    """Whether an accuracy reaches a floor (see :func:`shortfall`); NaN reaches none."""
    return bool(shortfall(accuracy, floor) <= 0.0)
