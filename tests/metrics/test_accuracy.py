import math

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, recall_score

from fairtune.metrics import (
    accuracy,
    balanced_accuracy,
    cell_accuracy,
    group_accuracy,
    worst_cell_accuracy,
    worst_group_accuracy,
)
from tests.builders import counts_of_recalls, group_counts, random_predictions

COUNTS = counts_of_recalls([[8, 3], [1, 20]], [[10, 4], [2, 40]])


def test_cell_accuracy_by_hand():
    np.testing.assert_allclose(cell_accuracy(COUNTS), [[0.8, 0.75], [0.5, 0.5]])


def test_accuracy_by_hand():
    assert accuracy(COUNTS) == pytest.approx(32 / 56)
    assert accuracy(COUNTS, weighting="cells") == pytest.approx((0.8 + 0.75 + 0.5 + 0.5) / 4)
    assert worst_cell_accuracy(COUNTS) == 0.5


def test_weightings_agree_on_a_balanced_split():
    counts = counts_of_recalls([[8, 3], [1, 5]], [[10, 10], [10, 10]])
    assert accuracy(counts, weighting="cells") == pytest.approx(accuracy(counts))


def test_empty_cells_do_not_count():
    counts = counts_of_recalls([[8, 0], [1, 5]], [[10, 0], [10, 10]])
    assert np.isnan(cell_accuracy(counts)).tolist() == [[False, True], [False, False]]
    assert accuracy(counts, weighting="cells") == pytest.approx((0.8 + 0.1 + 0.5) / 3)
    assert worst_cell_accuracy(counts) == pytest.approx(0.1)


def test_no_sample_at_all_gives_nan():
    nothing = group_counts(np.zeros((2, 3, 3)))
    for score in (accuracy, balanced_accuracy, worst_group_accuracy):
        assert math.isnan(score(nothing))
        assert math.isnan(score(nothing, weighting="cells"))
    assert math.isnan(worst_cell_accuracy(nothing))


def test_agrees_with_scikit_learn():
    y, a, predicted, counts = random_predictions(classes=4, groups=3)
    assert accuracy(counts) == pytest.approx(accuracy_score(y, predicted))
    merged = group_counts(counts.hard.sum(axis=0, keepdims=True))
    assert accuracy(merged, weighting="cells") == pytest.approx(balanced_accuracy_score(y, predicted))
    for group in range(3):
        np.testing.assert_array_equal(counts.hard[group], confusion_matrix(y[a == group], predicted[a == group]))


def test_cell_accuracy_is_fairlearn_s_recall_by_group():
    y, a, predicted, counts = random_predictions(classes=4, groups=3)
    for label in range(4):
        frame = MetricFrame(
            metrics=lambda true, guess, label=label: recall_score(true, guess, labels=[label], average="micro"),
            y_true=y,
            y_pred=predicted,
            sensitive_features=a,
        )
        np.testing.assert_allclose(cell_accuracy(counts)[:, label], frame.by_group.to_numpy(dtype=float))


def test_balanced_and_group_accuracy_by_hand():
    assert balanced_accuracy(COUNTS) == pytest.approx((9 / 12 + 23 / 44) / 2)
    assert balanced_accuracy(COUNTS, weighting="cells") == pytest.approx(((0.8 + 0.5) / 2 + (0.75 + 0.5) / 2) / 2)
    np.testing.assert_allclose(group_accuracy(COUNTS), [11 / 14, 21 / 42])
    np.testing.assert_allclose(group_accuracy(COUNTS, weighting="cells"), [(0.8 + 0.75) / 2, 0.5])
    assert worst_group_accuracy(COUNTS) == 0.5


def test_absent_groups_and_classes_do_not_count():
    counts = counts_of_recalls([[8, 0], [0, 0], [2, 0]], [[10, 0], [0, 0], [10, 0]])
    assert balanced_accuracy(counts) == pytest.approx(0.5)
    np.testing.assert_allclose(group_accuracy(counts), [0.8, math.nan, 0.2])
    assert worst_group_accuracy(counts) == pytest.approx(0.2)


def test_balanced_and_group_accuracy_agree_with_scikit_learn_and_fairlearn():
    y, a, predicted, counts = random_predictions(classes=4, groups=3)
    assert balanced_accuracy(counts) == pytest.approx(balanced_accuracy_score(y, predicted))
    frame = MetricFrame(metrics=accuracy_score, y_true=y, y_pred=predicted, sensitive_features=a)
    np.testing.assert_allclose(group_accuracy(counts), frame.by_group.to_numpy())
    assert worst_group_accuracy(counts) == pytest.approx(frame.group_min())
