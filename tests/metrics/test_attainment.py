import math
from itertools import product

import numpy as np
import pytest

from fairtune.metrics import SCORES, attained

PLANE = [SCORES["deo_m"], SCORES["accuracy"]]
THREE = [[(0.1, 0.8), (0.2, 0.9)], [(0.15, 0.85)], [(0.3, 0.95)]]


@pytest.mark.parametrize(
    ("share", "corners"),
    [
        (1 / 3, [(0.1, 0.8), (0.15, 0.85), (0.2, 0.9), (0.3, 0.95)]),
        (1 / 2, [(0.15, 0.8), (0.2, 0.85), (0.3, 0.9)]),
        (2 / 3, [(0.15, 0.8), (0.2, 0.85), (0.3, 0.9)]),
        (1, [(0.3, 0.85)]),
    ],
)
def test_surfaces_of_three_fronts_by_hand(share, corners):
    assert attained(THREE, PLANE, share).tolist() == [list(corner) for corner in corners]


def test_one_front_attains_its_points_that_no_other_dominates():
    assert attained([[(0.1, 0.8), (0.3, 0.7), (0.2, 0.9)]], PLANE, 1.0).tolist() == [[0.1, 0.8], [0.2, 0.9]]


def test_a_front_without_points_attains_nothing_and_counts():
    fronts = [[(0.1, 0.8)], [], [(0.2, 0.9), (math.nan, 1.0)]]
    assert len(attained(fronts, PLANE, 1.0)) == 0
    assert attained(fronts, PLANE, 2 / 3).tolist() == [[0.2, 0.8]]
    assert len(attained([], PLANE, 0.5)) == 0


def attains(points, goal):
    return any(gap <= goal[0] + 1e-9 and accuracy >= goal[1] - 1e-9 for gap, accuracy in points)


@pytest.mark.parametrize("seed", range(40))
def test_a_surface_separates_what_so_many_attain_from_what_fewer_do(seed):
    rng = np.random.default_rng(seed)
    fronts = [np.round(rng.random((rng.integers(0, 6), 2)), 1) for _ in range(rng.integers(1, 8))]
    needed = rng.integers(1, len(fronts) + 1)
    surface = attained(fronts, PLANE, needed / len(fronts))
    for goal in product(np.linspace(0, 1, 11).round(1), repeat=2):
        assert attains(surface, goal) == (sum(attains(front, goal) for front in fronts) >= needed)
