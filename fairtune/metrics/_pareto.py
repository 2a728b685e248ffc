"""The front: the non-dominated points of accuracy and a gap between groups, and how much of the plane it covers."""

from __future__ import annotations

import moocore
import numpy as np
import numpy.typing as npt

_MAXIMISE = (True, False)
REFERENCE = (0.0, 1.0)
"""The worst point of the plane: accuracy 0, gap 1."""


def non_dominated(accuracy: npt.ArrayLike, gap: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which points no other point beats: higher accuracy is better, a lower gap is better.

    A point with a NaN is never on the front and dominates nothing. Points that are equal stand or fall together.

    Args:
        accuracy: ``(n,)``.
        gap: DEO_M, or another score that is 0 for the fair ``(n,)``.

    Returns:
        Mask ``(n,)``.
    """
    points = _points(accuracy, gap)
    mask: npt.NDArray[np.bool_] = np.isfinite(points).all(axis=1)  # type: ignore[assignment]
    if mask.any():
        mask[mask] = moocore.is_nondominated(points[mask], maximise=_MAXIMISE, keep_weakly=True)
    return mask


def hypervolume(accuracy: npt.ArrayLike, gap: npt.ArrayLike) -> float:
    """Area between the front and the reference point (accuracy 0, gap 1): 0 for no point, 1 for a perfect one."""
    points = _points(accuracy, gap)
    points = points[np.isfinite(points).all(axis=1)]
    return float(moocore.hypervolume(points, ref=list(REFERENCE), maximise=_MAXIMISE)) if len(points) else 0.0


def _points(accuracy: npt.ArrayLike, gap: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.column_stack([np.asarray(accuracy, dtype=float), np.asarray(gap, dtype=float)])
