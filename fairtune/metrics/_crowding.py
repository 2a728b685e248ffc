"""An order among points of several objectives: by front, then by how much room each has on its own.

K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEC 2002.
"""

from __future__ import annotations

import moocore
import numpy as np

from fairtune.records import Floats, Ints


def pareto_ranks(costs: Floats) -> Ints:
    """The front that each point is on, from 0; points that are not defined are on one of their own, the last.

    Args:
        costs: ``(n, m)``, the least is the best.

    Returns:
        ``(n,)``: 0 for those that no other beats, 1 for those beaten by some of front 0 alone, and so on.
    """
    defined = np.isfinite(costs).all(axis=1)
    ranks = np.zeros(len(costs), dtype=np.int64)
    if defined.any():
        ranks[defined] = moocore.pareto_rank(costs[defined])
        ranks[~defined] = ranks.max() + 1
    return ranks


def crowding(costs: Floats, ranks: Ints) -> Floats:
    """Room that each point has among those of its front: the sum over objectives of the distance between its two neighbours.

    Distances are shares of the front's extent in the objective. The two ends in any objective have infinite room; of equal
    points the first counts as the end.

    Args:
        costs: ``(n, m)``.
        ranks: ``(n,)`` of :func:`pareto_ranks`.
    """
    room = np.zeros(len(costs))
    for rank in np.unique(ranks):
        (members,) = np.nonzero(ranks == rank)
        if np.isfinite(costs[members]).all():
            room[members] = sum(_gaps(column) for column in costs[members].T)
    return room


def _gaps(values: Floats) -> Floats:
    """Distance between the neighbours of each value, as a share of all; infinite for the least and the largest."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    extent = ordered[-1] - ordered[0]
    gaps = np.full(len(values), np.inf)
    if extent > 0:
        gaps[order[1:-1]] = (ordered[2:] - ordered[:-2]) / extent
    elif len(values) > 2:
        gaps[order[1:-1]] = 0.0
    return gaps
