import numpy as np
import pytest

from fairtune.metrics import crowding, pareto_ranks

COSTS = np.array([[0.0, 4.0], [1.0, 2.0], [2.0, 1.0], [4.0, 0.0], [2.0, 2.0], [3.0, 3.0], [0.0, np.inf]])


def test_each_point_is_on_the_front_after_those_that_beat_it():
    assert pareto_ranks(COSTS).tolist() == [0, 0, 0, 0, 1, 2, 3]
    assert pareto_ranks(np.empty((0, 2))).tolist() == []
    assert pareto_ranks(np.full((2, 2), np.inf)).tolist() == [0, 0]


def test_room_is_the_distance_between_the_neighbours_on_the_front():
    room = crowding(COSTS, pareto_ranks(COSTS))
    assert room[[0, 3, 4, 5]].tolist() == [np.inf] * 4, "ends, and who is alone"
    assert room[1] == pytest.approx(2 / 4 + 3 / 4)
    assert room[2] == pytest.approx(3 / 4 + 2 / 4)


def test_equal_points_have_no_room_between_them():
    same = np.array([[1.0, 1.0]] * 3 + [[0.0, 2.0], [2.0, 0.0]])
    assert sorted(crowding(same, pareto_ranks(same)))[0] == 0
