import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, equalized_odds_difference
from sklearn.metrics import accuracy_score

from fairtune.errors import DataError
from fairtune.metrics import deo_a, deo_m, gaps
from fairtune.records import GroupCounts
from tests.builders import counts_of_recalls, group_counts, random_predictions

# recalls 0.9 0.5 0.6 / 0.7 0.8 0.6 / 0.8 0.6 0.6: gaps 0.2, 0.3, 0
COUNTS = counts_of_recalls([[9, 5, 6], [7, 8, 6], [8, 6, 6]], [[10, 10, 10]] * 3)
EMPTY_CELL = counts_of_recalls([[9, 5], [7, 0], [6, 8]], [[10, 10], [10, 0], [10, 10]])
ONE_GROUP_CLASS = counts_of_recalls([[9, 5], [7, 0]], [[10, 10], [10, 0]])
ABSENT_CLASS = counts_of_recalls([[9, 0], [7, 0]], [[10, 0], [10, 0]])
ONE_GROUP = counts_of_recalls([[9, 5], [0, 0]], [[10, 10], [0, 0]])


def test_by_hand():
    np.testing.assert_allclose(gaps(COUNTS), [0.2, 0.3, 0.0], atol=1e-15)
    assert deo_m(COUNTS) == pytest.approx(0.3)
    assert deo_a(COUNTS) == pytest.approx(0.5 / 3)


def test_zero_means_that_all_groups_are_recognised_equally_well():
    fair = counts_of_recalls([[9, 2], [45, 20]], [[10, 20], [50, 200]])
    assert deo_m(fair) == deo_a(fair) == pytest.approx(0, abs=1e-15)


def test_an_empty_cell_is_ignored_by_default():
    np.testing.assert_allclose(gaps(EMPTY_CELL), [0.3, 0.3])
    assert deo_m(EMPTY_CELL) == deo_a(EMPTY_CELL) == pytest.approx(0.3)


def test_a_class_of_one_group_has_no_gap_beside_classes_that_can_be_compared():
    np.testing.assert_allclose(gaps(ONE_GROUP_CLASS), [0.2, 0.0], atol=1e-15)
    assert deo_m(ONE_GROUP_CLASS) == pytest.approx(0.2)
    assert deo_a(ONE_GROUP_CLASS) == pytest.approx(0.1)


def test_an_absent_class_does_not_count():
    np.testing.assert_allclose(gaps(ABSENT_CLASS), [0.2, math.nan])
    assert deo_m(ABSENT_CLASS) == deo_a(ABSENT_CLASS) == pytest.approx(0.2)


@pytest.mark.parametrize("counts", [ONE_GROUP, group_counts(np.zeros((2, 3, 3)))])
def test_without_a_class_in_two_groups_there_is_no_gap_to_report(counts):
    assert np.isnan(gaps(counts)).all()
    assert math.isnan(deo_m(counts))
    assert math.isnan(deo_a(counts))


@pytest.mark.parametrize("counts", [EMPTY_CELL, ONE_GROUP_CLASS, ABSENT_CLASS, ONE_GROUP])
def test_the_authors_policy_is_nan_as_soon_as_a_cell_is_empty(counts):
    assert math.isnan(deo_m(counts, empty="nan"))
    assert math.isnan(deo_a(counts, empty="nan"))


def test_the_strict_policy_names_the_cells():
    with pytest.raises(DataError, match=r"no samples of class 1, group 1: "):
        deo_m(EMPTY_CELL, empty="error")
    with pytest.raises(DataError, match="class 0, group 1; class 1, group 1"):
        gaps(ONE_GROUP, empty="error")


@pytest.mark.parametrize("empty", ["ignore", "nan", "error"])
def test_policies_agree_where_no_cell_is_empty(empty):
    assert deo_m(COUNTS, empty=empty) == deo_m(COUNTS)
    assert deo_a(COUNTS, empty=empty) == deo_a(COUNTS)


SMALL_CELL = counts_of_recalls([[9, 5], [7, 0], [6, 8]], [[10, 10], [10, 3], [10, 10]])


def test_a_cell_below_the_minimum_counts_as_empty():
    assert deo_m(SMALL_CELL) == pytest.approx(0.8)
    np.testing.assert_allclose(gaps(SMALL_CELL, minimum=4), gaps(EMPTY_CELL))
    assert (deo_m(SMALL_CELL, minimum=4), deo_a(SMALL_CELL, minimum=4)) == (deo_m(EMPTY_CELL), deo_a(EMPTY_CELL))
    assert deo_m(SMALL_CELL, minimum=3) == deo_m(SMALL_CELL)
    assert math.isnan(deo_m(SMALL_CELL, empty="nan", minimum=4))
    assert math.isnan(deo_m(SMALL_CELL, minimum=11))


def test_the_strict_policy_names_the_cells_below_the_minimum():
    with pytest.raises(DataError, match=r"^fewer than 4 samples of class 1, group 1: the gap"):
        deo_m(SMALL_CELL, empty="error", minimum=4)


def test_is_fairlearn_s_equalized_odds_difference_for_two_classes():
    y, a, predicted, counts = random_predictions(classes=2, groups=3)
    pairs: list[tuple[Callable[[GroupCounts], float], Literal["worst_case", "mean"]]] = [(deo_m, "worst_case"), (deo_a, "mean")]
    for ours, aggregate in pairs:
        theirs = equalized_odds_difference(y, predicted, sensitive_features=a, agg=aggregate)
        assert ours(counts) == pytest.approx(theirs)


def test_gaps_are_fairlearn_s_accuracy_differences_within_each_class():
    y, a, predicted, counts = random_predictions(classes=4, groups=3)
    for label in range(4):
        of_class = y == label
        frame = MetricFrame(metrics=accuracy_score, y_true=y[of_class], y_pred=predicted[of_class], sensitive_features=a[of_class])
        assert gaps(counts)[label] == pytest.approx(frame.difference(method="between_groups"))
