"""What several fronts attain: the surfaces that the best, the median and the worst of them reach.

V. Grunert da Fonseca, C. M. Fonseca, A. O. Hall, "Inferential performance assessment of stochastic optimisers and the attainment
function", EMO 2001. A front attains a point that one of its own is as good as in every objective. Fronts have no mean; how often a
point is attained does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import moocore
import numpy as np
import numpy.typing as npt

from fairtune.metrics._score import Score
from fairtune.records import Floats

_ROUNDING = 1e-9


def attained(fronts: Sequence[npt.ArrayLike], objectives: Sequence[Score], share: float) -> Floats:
    """The corners of what at least a share of several fronts attain.

    Args:
        fronts: each ``(n, 2)``, a column for each objective; points with a NaN attain nothing, and neither does a front without.
        objectives: the two scores.
        share: of the fronts, above 0 and at most 1: 1 for what all attain, the worst surface; 1/2 for the median one, of an even
            number the better; up to one over their number for what any attains, the best.

    Returns:
        ``(k, 2)``, from the best in the first objective to the best in the second; none where too few fronts attain anything.
    """
    signs = np.array([score.cost(1.0) for score in objectives])
    costs = [np.asarray(front, dtype=float).reshape(-1, 2) * signs for front in fronts]
    costs = [points[np.isfinite(points).all(axis=1)] for points in costs]
    some = [points for points in costs if len(points)]
    needed = max(1, math.ceil(share * len(fronts) - _ROUNDING))
    if needed > len(some):
        return np.empty((0, 2))
    numbers = np.repeat(np.arange(len(some)), [len(points) for points in some])
    found = moocore.eaf(np.concatenate(some), numbers, percentiles=[100 * (needed - _ROUNDING) / len(some)])[:, :2]
    corners: Floats = found[np.lexsort(found.T[::-1])] * signs
    return corners
