import math
from itertools import pairwise

import pytest

from fairtune.report.chart import Axis, style_of, thinned


@pytest.mark.parametrize("most", [1, 7, 50, 200])
def test_thinning_keeps_order_ends_with_what_is_wanted_and_spreads_the_rest(most):
    left = thinned(range(100), most, keep=[3, 99])
    assert left == sorted(set(left))
    assert {3, 99} <= set(left)
    assert len(left) == min(100, max(most, 2))
    if most == 50:
        assert max(after - before for before, after in pairwise(left)) <= 4


def test_an_axis_has_room_for_what_is_drawn():
    low, high = Axis().ends([0.2, math.nan, 0.4])
    assert low < 0.2 < 0.4 < high
    low, high = Axis(log=True).ends([0.0, 1e-3, 1e3])
    assert 0 < low < 1e-3 < 1e3 < high
    assert Axis(names=("a", "b")).ends([]) == (-0.6, 1.6)


def test_an_axis_of_one_value_still_has_a_width():
    for axis in (Axis(), Axis(log=True)):
        low, high = axis.ends([0.5])
        assert low < 0.5 < high


@pytest.mark.parametrize(("low", "high"), [(0.9e-3, 1.1e3), (0.2, 3.0), (0.83, 0.91)])
def test_a_logarithmic_axis_has_ticks_within_its_ends(low, high):
    ticks = Axis(log=True).ticks(low, high)
    assert all(low <= place <= high for place, _ in ticks)
    assert len(ticks) >= (1 if high / low < 2 else 2)


def test_whole_numbers_have_whole_ticks():
    assert all(place.is_integer() for place, _ in Axis(whole=True).ticks(0.9, 3.1))


def test_no_two_of_forty_methods_look_alike():
    assert len({style_of(position) for position in range(40)}) == 40
