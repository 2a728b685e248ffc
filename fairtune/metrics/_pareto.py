"""The front: the non-dominated points of any objectives, and how much of the way to perfect it covers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import moocore
import numpy as np
import numpy.typing as npt

from fairtune.metrics._score import Score


def non_dominated(points: npt.ArrayLike, objectives: Sequence[Score]) -> npt.NDArray[np.bool_]:
    """Which points no other point beats: none is better in one objective and as good in all others.

    A point with a NaN is never on the front and dominates nothing. Points that are equal stand or fall together.

    Args:
        points: ``(n, m)``, a column for each objective.
        objectives: the m scores.

    Returns:
        Mask ``(n,)``.
    """
    points = _columns(points, objectives)
    mask: npt.NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(points), axis=1)
    if mask.any():
        mask[mask] = moocore.is_nondominated(points[mask], maximise=_maximised(objectives), keep_weakly=True)
    return mask


def hypervolume(points: npt.ArrayLike, objectives: Sequence[Score], worst: Sequence[float]) -> float:
    """Volume between the front and a corner, as a share of the box from that corner to perfect in every objective.

    Args:
        points: ``(n, m)``, a column for each objective.
        objectives: the m scores.
        worst: the corner, a value for each objective. What is not better than it in every objective covers nothing.

    Returns:
        0 for no point, 1 for one that is perfect in every objective; 0 too where the corner leaves nothing to gain.
    """
    points = _columns(points, objectives)
    points = points[np.isfinite(points).all(axis=1)]
    gains = [score.cost(value) - score.cost(score.ends[1]) for score, value in zip(objectives, worst, strict=True)]
    if not len(points) or min(gains) <= 0:
        return 0.0
    return float(moocore.hypervolume(points, ref=worst, maximise=_maximised(objectives))) / math.prod(gains)


def _columns(points: npt.ArrayLike, objectives: Sequence[Score]) -> npt.NDArray[np.float64]:
    return np.asarray(points, dtype=float).reshape(-1, len(objectives))


def _maximised(objectives: Sequence[Score]) -> tuple[bool, ...]:
    return tuple(score.better == "higher" for score in objectives)
