import numpy as np
import pytest

from fairtune.metrics import SCORES, hypervolume, non_dominated

NAN = np.nan
WORST = (0.0, 1.0)
PLANE = [SCORES["accuracy"], SCORES["deo_m"]]


def non_dominated_twin(points, objectives):
    costs = [tuple(score.cost(value) for score, value in zip(objectives, point, strict=True)) for point in points]

    def beats(one, other):
        return all(mine <= its for mine, its in zip(one, other, strict=True)) and one != other

    def defined(cost):
        return not np.isnan(cost).any()

    return [defined(cost) and not any(defined(other) and beats(other, cost) for other in costs) for cost in costs]


@pytest.mark.parametrize(
    "names",
    [
        ("accuracy", "deo_m"),
        ("accuracy", "worst_group_accuracy"),
        ("deo_m", "mutual_information"),
        ("auc", "sigma_iou", "worst_group_accuracy"),
        ("accuracy", "deo_m", "demographic_parity", "loss"),
    ],
)
@pytest.mark.parametrize("seed", range(10))
def test_agrees_with_comparing_every_pair(names, seed):
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 6, (15, len(names))) / 6
    points[rng.random(points.shape) < 0.1] = NAN
    objectives = [SCORES[name] for name in names]
    assert non_dominated(points, objectives).tolist() == non_dominated_twin(points.tolist(), objectives)


@pytest.mark.parametrize(
    ("accuracy", "deo_m", "front"),
    [
        ([], [], []),
        ([0.5], [0.2], [True]),
        ([0.5, 0.5], [0.2, 0.2], [True, True]),
        ([0.5, 0.5, 0.6], [0.2, 0.2, 0.1], [False, False, True]),
        ([0.5, 0.6], [0.2, 0.3], [True, True]),
        ([0.5, 0.5], [0.2, 0.3], [True, False]),
        ([NAN, 0.5, 0.9], [0.0, 0.2, NAN], [False, True, False]),
        ([NAN], [NAN], [False]),
    ],
)
def test_by_hand(accuracy, deo_m, front):
    assert non_dominated(np.column_stack([accuracy, deo_m]), PLANE).tolist() == front


@pytest.mark.parametrize(
    ("accuracy", "deo_m", "area"),
    [
        ([], [], 0.0),
        ([NAN], [0.1], 0.0),
        ([1.0], [0.0], 1.0),
        ([0.8], [0.4], 0.8 * 0.6),
        ([0.8, 0.8], [0.4, 0.4], 0.8 * 0.6),
        ([0.8, 0.5], [0.4, 0.1], 0.8 * 0.6 + 0.5 * 0.3),
        ([0.8, 0.5, 0.4, NAN], [0.4, 0.1, 0.5, 0.0], 0.8 * 0.6 + 0.5 * 0.3),
        ([0.0], [1.0], 0.0),
    ],
)
def test_hypervolume_by_hand(accuracy, deo_m, area):
    assert hypervolume(np.column_stack([accuracy, deo_m]), PLANE, WORST) == pytest.approx(area)


def test_a_dominated_point_adds_no_area():
    assert hypervolume([(0.8, 0.4), (0.7, 0.5)], PLANE, WORST) == hypervolume([(0.8, 0.4)], PLANE, WORST)


@pytest.mark.parametrize(
    ("points", "share"),
    [
        ([(0.9, 0.2)], 0.0),
        ([(1.0, 0.2)], 0.0),
        ([(0.85, 0.0)], 0.0),
        ([(1.0, 0.0)], 1.0),
        ([(0.95, 0.1)], 0.5 * 0.5),
        ([(0.95, 0.1), (0.975, 0.15), (0.3, 0.0)], 0.5 * 0.5 + 0.25 * 0.25),
    ],
)
def test_a_share_of_the_box_from_a_corner_to_perfect(points, share):
    assert hypervolume(points, PLANE, (0.9, 0.2)) == pytest.approx(share)


@pytest.mark.parametrize("corner", [(1.0, 0.2), (1.2, 0.2), (0.9, 0.0)])
def test_a_corner_that_leaves_nothing_to_gain_is_no_division_by_0(corner):
    assert hypervolume([(1.0, 0.0)], PLANE, corner) == 0


@pytest.mark.parametrize(
    ("names", "points", "volume"),
    [
        (("accuracy", "worst_group_accuracy"), [(0.8, 0.5)], 0.8 * 0.5),
        (("deo_m", "sigma_iou"), [(0.2, 0.1)], 0.8 * 0.9),
        (("accuracy", "mutual_information"), [(0.8, 0.25)], 0.8 * 0.75),
        (("accuracy", "mutual_information"), [(0.8, 1.5)], 0.0),
        (("accuracy", "deo_m", "worst_group_accuracy"), [(0.8, 0.4, 0.5)], 0.8 * 0.6 * 0.5),
        (("accuracy", "deo_m", "auc"), [(1.0, 0.0, 1.0)], 1.0),
        (("accuracy", "deo_m", "auc"), [(0.8, 0.4, 0.5), (0.4, 0.2, 0.5)], 0.5 * (0.8 * 0.6 + 0.4 * 0.2)),
        (("accuracy", "deo_m", "auc"), [], 0.0),
    ],
)
def test_the_volume_of_any_objectives_by_hand(names, points, volume):
    objectives = [SCORES[name] for name in names]
    assert hypervolume(points, objectives, [score.ends[0] for score in objectives]) == pytest.approx(volume)
