import numpy as np
import pytest

from fairtune.metrics import hypervolume, non_dominated

NAN = np.nan


def non_dominated_twin(accuracy, deo_m):
    points = [(a, -d) for a, d in zip(accuracy, deo_m, strict=True)]

    def beats(one, other):
        return one[0] >= other[0] and one[1] >= other[1] and one != other

    def defined(point):
        return not np.isnan(point).any()

    return [defined(point) and not any(defined(other) and beats(other, point) for other in points) for point in points]


@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_comparing_every_pair(seed):
    rng = np.random.default_rng(seed)
    accuracy, deo_m = rng.integers(0, 6, (2, 15)) / 6
    accuracy[rng.random(15) < 0.1] = NAN
    deo_m[rng.random(15) < 0.1] = NAN
    assert non_dominated(accuracy, deo_m).tolist() == non_dominated_twin(accuracy, deo_m)


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
    assert non_dominated(accuracy, deo_m).tolist() == front


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
    assert hypervolume(accuracy, deo_m) == pytest.approx(area)


def test_a_dominated_point_adds_no_area():
    assert hypervolume([0.8, 0.7], [0.4, 0.5]) == hypervolume([0.8], [0.4])
