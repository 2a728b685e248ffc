import itertools
import math

import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score

from fairtune import metrics
from fairtune.errors import DataError
from fairtune.methods import _hanel
from fairtune.metrics import group_iou, iou, iou_paired, sigma_iou
from fairtune.records import GroupCounts
from tests.builders import group_counts, random_predictions, table

# group 0: 3/(3+1) and 4/(4+1); group 1: 2/4 and 0/2
COUNTS = group_counts([[[3, 0], [1, 4]], [[2, 2], [0, 0]]])
WHOLE = group_counts([[[3, 0], [1, 4]], [[2, 1], [1, 4]]])


def test_by_hand():
    np.testing.assert_allclose(group_iou(WHOLE), [(3 / 4 + 4 / 5) / 2, (2 / 4 + 4 / 6) / 2])
    first, second = group_iou(WHOLE)
    assert sigma_iou(WHOLE) == pytest.approx(abs(first - second) / math.sqrt(2))


def test_is_scikit_learn_s_jaccard_score_within_each_group():
    y, a, predicted, counts = random_predictions(classes=4, groups=3)
    expected = [jaccard_score(y[a == group], predicted[a == group], average="macro") for group in range(3)]
    np.testing.assert_allclose(group_iou(counts), expected)
    assert sigma_iou(counts) == pytest.approx(np.std(expected, ddof=1))


def test_weighting_by_cell_is_the_iou_of_a_split_with_cells_of_equal_size():
    repeated = WHOLE.hard * np.array([[[20], [12]], [[20], [12]]])  # every cell of 60 samples
    np.testing.assert_array_equal(repeated.sum(axis=2), 60)
    np.testing.assert_allclose(group_iou(WHOLE, weighting="cells"), group_iou(group_counts(repeated)))
    assert sigma_iou(WHOLE, weighting="cells") == pytest.approx(sigma_iou(group_counts(repeated)))


def test_a_class_that_a_group_lacks_is_left_out_of_its_mean():
    np.testing.assert_allclose(group_iou(COUNTS), [(3 / 4 + 4 / 5) / 2, 2 / 4])


def test_soft_probabilities_in_place_of_counts():
    *_, counts = random_predictions(classes=3, groups=2)
    soft = GroupCounts(counts.hard, counts.soft)
    expected = []
    for confusion in counts.soft:
        union = confusion.sum(0) + confusion.sum(1) - np.diag(confusion)
        expected.append(np.mean(np.diag(confusion) / union))
    np.testing.assert_allclose(group_iou(soft, kind="soft"), expected)
    assert not np.allclose(group_iou(soft, kind="soft"), group_iou(soft))


def test_deviations_by_hand():
    *_, counts = random_predictions(classes=3, groups=3)
    per_group = group_iou(counts, kind="soft")
    (overall,) = group_iou(GroupCounts(counts.hard.sum(0, keepdims=True), counts.soft.sum(0, keepdims=True)), kind="soft")
    assert iou(counts) == pytest.approx(np.sum((per_group - overall) ** 2))
    assert iou(counts, reduce="mean") == pytest.approx(iou(counts) / 3)
    pairs = [(one - other) ** 2 for one, other in itertools.combinations(per_group, 2)]
    assert iou_paired(counts) == pytest.approx(np.mean(pairs))
    assert iou_paired(counts, reduce="sum") == pytest.approx(np.sum(pairs))


def test_groups_are_compared_on_the_classes_they_have():
    # group 1 has class 0 alone: 3/4 and 2/4 of its own, 5/8 of all
    assert iou_paired(COUNTS) == pytest.approx((3 / 4 - 2 / 4) ** 2)
    overall = np.array([5 / 8, 4 / 7])
    assert iou(COUNTS) == pytest.approx(np.mean([3 / 4 - overall[0], 4 / 5 - overall[1]]) ** 2 + (2 / 4 - overall[0]) ** 2)


@pytest.mark.parametrize("samples", [30, 60])
@pytest.mark.parametrize("name", ["dp_l2", "eo_l2", "dp_mi", "eo_mi", "iou", "iou_paired"])
def test_what_is_reported_is_what_the_methods_lower_on_a_batch_of_the_whole_set(name, samples):
    rng = np.random.default_rng(samples)
    y, a = rng.integers(0, 3, samples), rng.integers(0, 3, samples)
    a[y == 2] = 0
    p = rng.dirichlet(np.ones(3), samples)
    counts = GroupCounts(table(y, a, np.eye(3, dtype=np.int64)[p.argmax(1)], 3), table(y, a, p, 3))
    assert (counts.cells == 0).sum() == 2
    of_y, of_a, of_p = map(torch.tensor, (y, a, p))
    loss = getattr(_hanel, name)(of_p, _hanel.members(of_y, of_a, 3, 3, of_p.dtype), False)
    assert getattr(metrics, name)(counts) == pytest.approx(float(loss))


def test_empty_cells_follow_the_policy():
    np.testing.assert_allclose(group_iou(COUNTS, empty="nan"), [(3 / 4 + 4 / 5) / 2, math.nan])
    for score in (sigma_iou, iou, iou_paired):
        assert np.isfinite(score(COUNTS))
        assert math.isnan(score(COUNTS, empty="nan"))
        with pytest.raises(DataError, match=r"no samples of class 1, group 1"):
            score(COUNTS, empty="error")


@pytest.mark.parametrize("hard", [np.zeros((2, 2, 2)), [[[3, 0], [1, 4]], [[0, 0], [0, 0]]]])
def test_a_single_group_has_no_spread(hard):
    assert math.isnan(sigma_iou(group_counts(hard)))
    assert math.isnan(iou_paired(group_counts(hard)))


def test_a_group_without_samples_is_left_out():
    with_empty = group_counts(np.concatenate([WHOLE.hard, np.zeros((1, 2, 2))]))
    for score in (sigma_iou, iou, iou_paired):
        assert score(with_empty) == pytest.approx(score(WHOLE))
