import math

import numpy as np
import pytest
from scipy.stats.contingency import association
from sklearn.metrics import mutual_info_score

from fairtune.report.association import (
    cramers_v,
    mutual_information,
    needed_for_gap,
    normalised_information,
    reach_of_gap,
    skew_of,
)


def test_information_and_v_are_those_of_scikit_learn_and_scipy():
    cells = np.random.default_rng(0).integers(1, 50, (3, 5))
    assert mutual_information(cells) == pytest.approx(mutual_info_score(None, None, contingency=cells))
    assert cramers_v(cells) == pytest.approx(association(cells, method="cramer"))


def test_skew_is_zero_for_independence_and_one_for_certainty():
    for cells, nats, share in (
        (np.outer([1, 3], [5, 2, 2]), 0, 0),
        (np.diag([7, 7]), math.log(2), 1),
        (np.array([[4, 0, 4], [0, 8, 0]]), math.log(2), 1),
        (np.array([[3, 4], [0, 0]]), 0, 0),
    ):
        assert mutual_information(cells) == pytest.approx(nats, abs=1e-12)
        assert normalised_information(cells) == pytest.approx(share, abs=1e-12)
        assert cramers_v(cells) == pytest.approx(share, abs=1e-12)


def test_intervals_hold_the_figure_and_narrow_with_the_samples():
    few, many = (skew_of(np.array([[30, 10], [10, 30]]) * times) for times in (1, 50))
    for small, large in zip(few, many, strict=True):
        assert small.low < small.value < small.high
        assert large.high - large.low < (small.high - small.low) / 4
    assert few.cramers_v.value == pytest.approx(0.5)


def test_a_gap_of_five_points_needs_as_many_samples_as_its_interval_says():
    for recall, needed in ((0.5, 769), (0.9, 277)):
        assert needed_for_gap(recall) == needed
        assert reach_of_gap(needed, needed, recall) <= 0.05 < reach_of_gap(needed - 1, needed - 1, recall)
    assert reach_of_gap(0, 100, 0.9) == math.inf
