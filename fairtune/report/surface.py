"""Staircases: what fronts attain, and the area between two of them."""

from __future__ import annotations

import numpy as np

from fairtune.metrics import SCORES
from fairtune.records import Floats
from fairtune.report.chart import Area, Colour, Line

Pair = tuple[str, str]
"""Two scores: across, and up."""


def stairs(corners: Floats, pair: Pair, far: Floats) -> Floats:
    """The border of what some points attain, within a window.

    Args:
        corners: points ``(k, 2)`` that do not dominate each other.
        pair: the scores that they are of.
        far: the corner of the window ``(2,)`` that is worst in both; it is the border where there are no points.

    Returns:
        Its vertices ``(m, 2)``, from the best of the first score to the best of the second.
    """
    signs = _signs(pair)
    costs, (end_x, end_y) = corners * signs, far * signs
    below, vertices = end_y, []
    for x, y in costs[np.lexsort(costs.T[::-1])]:
        vertices += [(x, below), (x, y)]
        below = y
    return np.array([*vertices, (end_x, below)]) * signs


def farthest(points: Floats, pair: Pair) -> Floats:
    """The corner of a window around some points ``(n, 2)`` that is worst in both scores."""
    signs = _signs(pair)
    corner: Floats = (points * signs).max(axis=0) * signs
    return corner


def between(best: Floats, worst: Floats, pair: Pair, far: Floats, colour: Colour, label: str) -> Area:
    """The area that the better corners attain and the worse ones do not, each ``(k, 2)``, within a window."""
    outline = np.concatenate([stairs(best, pair, far), stairs(worst, pair, far)[::-1]])
    return Area(outline[:, 0].tolist(), outline[:, 1].tolist(), colour, label)


def border(corners: Floats, pair: Pair, far: Floats, colour: Colour, label: str) -> Line:
    """The border of what corners ``(k, 2)`` attain within a window; nothing is drawn where there are none."""
    vertices = stairs(corners, pair, far) if len(corners) else corners
    return Line(vertices[:, 0].tolist(), vertices[:, 1].tolist(), colour, label)


def _signs(pair: Pair) -> Floats:
    return np.array([SCORES[name].cost(1.0) for name in pair])
