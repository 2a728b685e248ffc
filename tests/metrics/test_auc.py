import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fairtune.metrics import auc, margin_table
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
