import math

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, recall_score

from fairtune.metrics import BETTER, accuracy, cell_accuracy, scores, worst_cell_accuracy
from tests.builders import counts_of_recalls, group_counts

COUNTS = counts_of_recalls([[8, 3], [1, 20]], [[10, 4], [2, 40]])


def random_predictions(classes=4, groups=3, n=500):
    rng = np.random.default_rng(0)
    y, a = rng.integers(0, classes, n), rng.integers(0, groups, n)
    predicted = np.where(rng.random(n) < 0.6, y, rng.integers(0, classes, n))
    hard = np.zeros((groups, classes, classes), dtype=np.int64)
    np.add.at(hard, (a, y, predicted), 1)
    return y, a, predicted, group_counts(hard)


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
    for value in (accuracy(nothing), accuracy(nothing, weighting="cells"), worst_cell_accuracy(nothing)):
        assert math.isnan(value)


def test_agrees_with_scikit_learn():
    y, a, predicted, counts = random_predictions()
    assert accuracy(counts) == pytest.approx(accuracy_score(y, predicted))
    merged = group_counts(counts.hard.sum(axis=0, keepdims=True))
    assert accuracy(merged, weighting="cells") == pytest.approx(balanced_accuracy_score(y, predicted))
    for group in range(3):
        np.testing.assert_array_equal(counts.hard[group], confusion_matrix(y[a == group], predicted[a == group]))


def test_cell_accuracy_is_fairlearn_s_recall_by_group():
    y, a, predicted, counts = random_predictions()
    for label in range(4):
        frame = MetricFrame(
            metrics=lambda true, guess, label=label: recall_score(true, guess, labels=[label], average="micro"),
            y_true=y,
            y_pred=predicted,
            sensitive_features=a,
        )
        np.testing.assert_allclose(cell_accuracy(counts)[:, label], frame.by_group.to_numpy(dtype=float))


def test_scores_are_all_in_the_table_of_directions():
    assert set(scores(COUNTS)) | {"loss"} == set(BETTER)
    assert scores(COUNTS)["accuracy"] == scores(COUNTS)["sample_accuracy"] == accuracy(COUNTS)
    assert scores(COUNTS, weighting="cells")["accuracy"] == accuracy(COUNTS, weighting="cells")
    assert scores(COUNTS, weighting="cells")["sample_accuracy"] == accuracy(COUNTS)
