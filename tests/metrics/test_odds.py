import math

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, equal_opportunity_difference, equalized_odds_difference

from fairtune.errors import DataError, InvalidInput
from fairtune.metrics import deo_m, equal_opportunity, equalized_odds
from tests.builders import counts_of_recalls, group_counts, random_predictions

# class 0 is missed in both groups alike, but as class 1 in one and as class 2 in the other
CONFUSED = group_counts([[[6, 4, 0], [0, 5, 0], [0, 0, 5]], [[6, 1, 3], [0, 5, 0], [0, 0, 5]]])
EMPTY_CELL = counts_of_recalls([[9, 5], [7, 0], [6, 8]], [[10, 10], [10, 0], [10, 10]])


def test_mistakes_count_by_hand():
    assert deo_m(CONFUSED) == 0
    assert equalized_odds(CONFUSED) == pytest.approx(0.3)


@pytest.mark.parametrize("seed", range(5))
def test_is_never_below_deo_m_and_equal_to_it_for_two_classes(seed):
    *_, two = random_predictions(classes=2, groups=3, seed=seed)
    *_, four = random_predictions(classes=4, groups=3, seed=seed)
    assert equalized_odds(two) == pytest.approx(deo_m(two))
    assert equalized_odds(four) >= deo_m(four)


def test_is_fairlearn_s_for_two_classes():
    y, a, predicted, counts = random_predictions(classes=2, groups=3)
    assert equalized_odds(counts) == pytest.approx(equalized_odds_difference(y, predicted, sensitive_features=a))
    assert equal_opportunity(counts) == pytest.approx(equal_opportunity_difference(y, predicted, sensitive_features=a))
    swapped = equal_opportunity_difference(1 - y, 1 - predicted, sensitive_features=a)
    assert equal_opportunity(counts, positive=0) == pytest.approx(swapped)


def test_is_fairlearn_s_over_all_predicted_classes():
    y, a, predicted, counts = random_predictions(classes=4, groups=3)
    differences = [
        MetricFrame(
            metrics=lambda true, guess, p=p: np.mean(guess == p),
            y_true=y[y == label],
            y_pred=predicted[y == label],
            sensitive_features=a[y == label],
        ).difference(method="between_groups")
        for label in range(4)
        for p in range(4)
    ]
    assert equalized_odds(counts) == pytest.approx(max(differences))


def test_empty_cells_follow_the_policy():
    assert equalized_odds(EMPTY_CELL) == pytest.approx(0.3)
    assert equal_opportunity(EMPTY_CELL) == pytest.approx(0.3)
    assert math.isnan(equalized_odds(EMPTY_CELL, empty="nan"))
    assert math.isnan(equal_opportunity(EMPTY_CELL, empty="nan"))
    assert equal_opportunity(EMPTY_CELL, positive=0, empty="nan") == pytest.approx(0.3)
    assert math.isnan(equalized_odds(EMPTY_CELL, minimum=11))
    for score in (equalized_odds, equal_opportunity):
        with pytest.raises(DataError, match=r"no samples of class ., group 1"):
            score(EMPTY_CELL, empty="error")


def test_one_group_has_nothing_to_be_compared_with():
    alone = counts_of_recalls([[9, 5]], [[10, 10]])
    assert math.isnan(equalized_odds(alone))
    assert math.isnan(equal_opportunity(alone))


@pytest.mark.parametrize("positive", [None, 3, -1])
def test_the_positive_class_has_to_be_named_and_to_exist(positive):
    with pytest.raises(InvalidInput, match=rf"positive={positive} with 3 classes; give one from 0 to 2"):
        equal_opportunity(CONFUSED, positive=positive)
    assert equal_opportunity(CONFUSED, positive=0) == 0
