import math

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from fairtune.errors import DataError
from fairtune.metrics import dp_l2, dp_mi, eo_l2, eo_mi
from fairtune.records import GroupCounts
from tests.builders import group_counts, random_predictions

ALL = [dp_l2, eo_l2, dp_mi, eo_mi]
# mean predictions (3/4, 1/4) and (1/4, 3/4); overall (1/2, 1/2)
OPPOSITE = group_counts([[[3, 1], [3, 1]], [[1, 3], [1, 3]]])
EMPTY_CELL = group_counts([[[3, 1], [3, 1]], [[1, 3], [0, 0]]])


def entropy(*shares):
    return -sum(share * math.log(share) for share in shares)


def test_by_hand():
    assert dp_l2(OPPOSITE) == pytest.approx(4 / 16)
    assert eo_l2(OPPOSITE) == pytest.approx(8 / 16)
    information = math.log(2) - entropy(3 / 4, 1 / 4)
    assert dp_mi(OPPOSITE) == pytest.approx(information)
    assert eo_mi(OPPOSITE) == pytest.approx(2 * information)
    assert eo_mi(OPPOSITE, reduce="mean") == pytest.approx(information)


def test_probabilities_count_not_predictions():
    *_, counts = random_predictions(classes=3, groups=2)
    for score in ALL:
        assert score(GroupCounts(counts.hard, counts.hard.astype(float))) != pytest.approx(score(counts), rel=1e-3)


def test_mutual_information_of_hard_predictions_is_scikit_learn_s():
    y, a, predicted, counts = random_predictions(classes=4, groups=3)
    hard = group_counts(counts.hard)
    assert dp_mi(hard) == pytest.approx(mutual_info_score(a, predicted))
    within = [mutual_info_score(a[y == label], predicted[y == label]) for label in range(4)]
    assert eo_mi(hard) == pytest.approx(sum(within))


def test_an_empty_cell_contributes_nothing():
    assert eo_l2(EMPTY_CELL) == pytest.approx(4 / 16)
    assert eo_mi(EMPTY_CELL) == pytest.approx(math.log(2) - entropy(3 / 4, 1 / 4))


def test_empty_cells_and_groups_follow_the_policy():
    empty_group = group_counts(np.concatenate([OPPOSITE.hard, np.zeros((1, 2, 2))]))
    for score in ALL:
        assert score(empty_group) == pytest.approx(score(OPPOSITE))
    assert math.isnan(dp_l2(empty_group, empty="nan"))
    assert math.isnan(eo_l2(EMPTY_CELL, empty="nan"))
    assert dp_l2(EMPTY_CELL, empty="nan") == dp_l2(EMPTY_CELL)
    with pytest.raises(DataError, match=r"no samples of group 2"):
        dp_l2(empty_group, empty="error")
    with pytest.raises(DataError, match=r"no samples of class 1, group 1"):
        eo_l2(EMPTY_CELL, empty="error")


def test_no_sample_at_all_gives_nan():
    for score in ALL:
        assert math.isnan(score(group_counts(np.zeros((2, 3, 3)))))


def test_groups_that_are_told_apart_for_certain_share_all_information():
    certain = group_counts([[[5, 0], [5, 0]], [[0, 5], [0, 5]]])
    assert dp_mi(certain) == pytest.approx(math.log(2))
