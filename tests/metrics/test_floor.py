import math

import numpy as np
import pytest

from fairtune.metrics import accuracy, reaches, shortfall
from tests.builders import counts_of_recalls


@pytest.mark.parametrize("lost", [0, 1])
def test_as_many_right_reach_the_floor_whatever_cells_they_are_in(lost):
    """Means over 20 cells of 50 samples: where one cell gains a sample and another loses it, they differ by rounding alone."""
    rng = np.random.default_rng(0)
    of_all = np.full((2, 10), 50)
    found = []
    for _ in range(200):
        right = rng.integers(35, 50, 20)
        moved = right.copy()
        gains, loses = rng.choice(20, 2, replace=False)
        moved[gains] += 1 - lost
        moved[loses] -= 1
        floor, reached = (accuracy(counts_of_recalls(one.reshape(2, 10), of_all), weighting="cells") for one in (right, moved))
        found.append((reaches(reached, floor), reached >= floor))
    ours, plain = zip(*found, strict=True)
    assert set(ours) == {lost == 0}
    assert lost or not all(plain), "rounding refuses none of them"


def test_what_is_missing_is_told_beyond_rounding():
    assert [shortfall(0.7, 0.75), shortfall(0.75, 0.7)] == pytest.approx([0.05, -0.05])
    assert shortfall(0.1 + 0.7, 0.8) == 0.0 < 0.8 - (0.1 + 0.7)


@pytest.mark.parametrize("given", [(math.nan, 0.5), (0.5, math.nan)])
def test_what_is_not_defined_reaches_nothing(given):
    assert not reaches(*given)
    assert math.isnan(shortfall(*given))
