import math

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, demographic_parity_difference

from fairtune.errors import DataError
from fairtune.metrics import demographic_parity
from tests.builders import group_counts, random_predictions

# a perfect classifier of groups with unequal shares of labels
PERFECT = group_counts([[[30, 0], [0, 10]], [[10, 0], [0, 10]]])
EMPTY_GROUP = group_counts([[[3, 1], [0, 4]], [[0, 0], [0, 0]], [[3, 1], [2, 2]]])


def test_by_hand():
    assert demographic_parity(PERFECT) == pytest.approx(0.75 - 0.5)
    assert demographic_parity(EMPTY_GROUP) == pytest.approx(5 / 8 - 3 / 8)


def test_where_labels_and_groups_are_made_independent_a_perfect_classifier_is_fair():
    assert demographic_parity(PERFECT, weighting="cells") == pytest.approx(0, abs=1e-15)


def test_is_fairlearn_s_for_two_classes():
    y, a, predicted, counts = random_predictions(classes=2, groups=3)
    assert demographic_parity(counts) == pytest.approx(demographic_parity_difference(y, predicted, sensitive_features=a))


def test_is_fairlearn_s_largest_over_classes():
    y, a, predicted, counts = random_predictions(classes=4, groups=3)
    rates = {f"class {p}": lambda true, guess, p=p: np.mean(guess == p) for p in range(4)}
    frame = MetricFrame(metrics=rates, y_true=y, y_pred=predicted, sensitive_features=a)
    assert demographic_parity(counts) == pytest.approx(frame.difference().max())


def test_empty_groups_follow_the_policy():
    assert math.isnan(demographic_parity(EMPTY_GROUP, empty="nan"))
    assert math.isnan(demographic_parity(EMPTY_GROUP, minimum=9))
    with pytest.raises(DataError, match="no samples of group 1"):
        demographic_parity(EMPTY_GROUP, empty="error")
    with pytest.raises(DataError, match="fewer than 9 samples of group 0; group 1; group 2"):
        demographic_parity(EMPTY_GROUP, empty="error", minimum=9)
    assert math.isnan(demographic_parity(group_counts(np.zeros((2, 3, 3)))))
