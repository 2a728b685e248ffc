"""The front: the non-dominated (accuracy, DEO_M) points, and how much of the plane it covers."""

from __future__ import annotations

import moocore
import numpy as np
import numpy.typing as npt

_MAXIMISE = (True, False)
REFERENCE = (0.0, 1.0)
"""The worst point of the plane: accuracy 0, DEO_M 1."""


def non_dominated(accuracy: npt.ArrayLike, deo_m: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which points no other point beats: higher accuracy is better, lower DEO_M is better.

    A point with a NaN is never on the front and dominates nothing. Points that are equal stand or fall together.

    Args:
        accuracy: ``(n,)``.
        deo_m: ``(n,)``.

    Returns:
        Mask ``(n,)``.
    """
    points = _points(accuracy, deo_m)
    mask: npt.NDArray[np.bool_] = np.isfinite(points).all(axis=1)  # type: ignore[assignment]
    if mask.any():
        mask[mask] = moocore.is_nondominated(points[mask], maximise=_MAXIMISE, keep_weakly=True)
    return mask


def hypervolume(accuracy: npt.ArrayLike, deo_m: npt.ArrayLike) -> float:
    """Area between the front and the reference point (accuracy 0, DEO_M 1): 0 for no point, 1 for a perfect one."""
    points = _points(accuracy, deo_m)
    points = points[np.isfinite(points).all(axis=1)]
    return float(moocore.hypervolume(points, ref=list(REFERENCE), maximise=_MAXIMISE)) if len(points) else 0.0


def _points(accuracy: npt.ArrayLike, deo_m: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.column_stack([np.asarray(accuracy, dtype=float), np.asarray(deo_m, dtype=float)])
