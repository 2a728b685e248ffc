import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fairtune.metrics import SCORES, auc, margin_table, tabulate
from fairtune.records import GroupCounts
from tests.builders import group_counts


def counts(margins, y, a):
    return GroupCounts(np.zeros((2, 2, 2), dtype=np.int64), np.zeros((2, 2, 2)), margin_table(margins, y, a, 2))


@pytest.mark.parametrize("distance", [0.0, 0.5, 2.0, 6.0])
@pytest.mark.parametrize("n", [40, 3000])
def test_is_nearly_the_area_under_the_curve_of_the_samples(distance, n):
    rng = np.random.default_rng(n)
    y, a = rng.integers(0, 2, n), rng.integers(0, 2, n)
    margins = rng.normal(size=n) + distance * y
    assert auc(counts(margins, y, a)) == pytest.approx(roc_auc_score(y, margins), abs=0.005)


def test_equal_margins_are_ties():
    y = np.array([0, 1] * 50)
    assert auc(counts(np.zeros(100), y, y)) == 0.5


def test_every_sample_is_in_its_cell():
    rng = np.random.default_rng(0)
    y, a = rng.integers(0, 2, 500), rng.integers(0, 2, 500)
    table = margin_table(rng.normal(size=500), y, a, 2)
    cells = [[((a == group) & (y == label)).sum() for label in (0, 1)] for group in (0, 1)]
    np.testing.assert_array_equal(table.sum(axis=2), cells)
    assert set(table.sum(axis=(0, 1))) == {5}


def test_is_not_defined_without_margins_or_without_one_of_the_classes():
    assert math.isnan(auc(group_counts(np.ones((2, 2, 2)))))
    assert math.isnan(auc(counts(np.arange(9.0), np.zeros(9, dtype=np.int64), np.zeros(9, dtype=np.int64))))


def test_margins_survive_json():
    found = counts(np.arange(9.0), np.arange(9) % 2, np.zeros(9, dtype=np.int64))
    again = GroupCounts.from_json(found.to_json())
    np.testing.assert_array_equal(again.margins, found.margins)
    assert GroupCounts.from_json(group_counts(np.ones((2, 2, 2))).to_json()).margins is None


def weighed(weight, seed=0):
    """Labels, scores, and the table of samples of these weights."""
    rng = np.random.default_rng(seed)
    n = len(weight)
    y, a = np.arange(n) % 2, np.arange(n) // 2 % 2
    score = 1 / (1 + np.exp(-(2.0 * (y - 0.5) + 1.5 * rng.normal(size=n))))
    probabilities = np.stack([1 - score, score], axis=1)
    predicted = probabilities.argmax(axis=1)
    return y, score, tabulate(y, a, predicted, num_classes=2, num_groups=2, probabilities=probabilities, weight=weight)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e3])
@pytest.mark.parametrize("power", [0, 1, 3])
def test_weighted_samples_have_the_area_of_their_weights_however_small(scale, power):
    weight = scale * np.random.default_rng(1).exponential(size=2000) ** power
    y, score, table = weighed(weight)
    assert auc(table) == pytest.approx(roc_auc_score(y, score, sample_weight=weight), abs=0.005)


def test_few_samples_with_most_of_the_weight_are_told_apart():
    rng = np.random.default_rng(0)
    margins = rng.normal(size=5000)
    weight = np.where(margins > 2, 1000.0, 1.0)
    y = np.where(margins > 2, margins > 2.3, rng.integers(0, 2, 5000)).astype(np.int64)
    table = GroupCounts(np.zeros((2, 2, 2), dtype=np.int64), np.zeros((2, 2, 2)), margin_table(margins, y, y, 2, weight))
    assert auc(table) == pytest.approx(roc_auc_score(y, margins, sample_weight=weight), abs=0.01)


@pytest.mark.parametrize("seed", range(10))
def test_classes_that_weigh_less_than_a_sample_have_limits(seed):
    _, _, table = weighed(np.random.default_rng(seed).exponential(size=12) ** 4 / 20, seed)
    found = SCORES["auc"].within(table)
    assert 0 <= found.low <= found.estimate <= found.high <= 1


def separated(n, wrong):
    """Classes of n samples each that margins tell apart, right or wrong throughout."""
    y, a = np.repeat([0, 1], n), np.tile([0, 1], n)
    hard = np.zeros((2, 2, 2), dtype=np.int64)
    np.add.at(hard, (a, y, y), 1)
    return GroupCounts(hard, hard.astype(float), margin_table(np.where(wrong, -1.0, 1.0) * (y - 0.5), y, a, 2))


@pytest.mark.parametrize(("n", "least"), [(2, 0.3856), (10, 0.8002), (500, 0.9961)])
def test_limits_do_not_collapse_where_all_pairs_are_in_order_or_none(n, least):
    """By Newcombe's method 5 at areas of 1 and 0."""
    assert SCORES["auc"].within(separated(n, wrong=False)) == pytest.approx((least, 1, 1), abs=1e-4)
    assert SCORES["auc"].within(separated(n, wrong=True)) == pytest.approx((0, 0, 1 - least), abs=1e-4)


def test_limits_hold_where_classes_are_nearly_separated():
    """Normal margins 3 apart, 10 of each class: they once held the true area in half of all draws."""
    rng, true = np.random.default_rng(0), 0.5 * (1 + math.erf(1.5))
    y, a, held = np.repeat([0, 1], 10), np.tile([0, 1], 10), []
    hard = np.zeros((2, 2, 2), dtype=np.int64)
    np.add.at(hard, (a, y, y), 1)
    for _ in range(200):
        found = SCORES["auc"].within(GroupCounts(hard, hard.astype(float), margin_table(rng.normal(size=20) + 3 * y, y, a, 2)))
        held.append(found.low <= true <= found.high)
    assert np.mean(held) >= 0.93
