import numpy as np
import pytest

from fairtune.records import GroupCounts, Split
from tests.builders import counts_of_recalls

HARD = np.arange(18).reshape(2, 3, 3)


def test_cells_count_over_predictions():
    np.testing.assert_array_equal(GroupCounts(HARD, HARD / 2).cells, HARD.sum(2))


def test_group_counts_survive_json():
    counts = GroupCounts(HARD, HARD / 7)
    read = GroupCounts.from_json(counts.to_json())
    np.testing.assert_array_equal(read.hard, counts.hard)
    np.testing.assert_allclose(read.soft, counts.soft, atol=1e-6)
    assert read.hard.dtype == np.int64
    assert read.soft.dtype == np.float64


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 4), (1, 3, 3)])
def test_tables_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"two \(A, K, K\) tables, got"):
        GroupCounts(np.zeros(shape, dtype=np.int64), HARD / 2)


@pytest.fixture
def split():
    y, a = np.array([0, 2, 1, 0]), np.array([1, 0, 1, 1])
    return Split(np.arange(40).reshape(10, 4), np.array([9, 0, 3, 3]), y, a, np.array([5, 6, 7, 8]), num_groups=2, num_classes=3)


def test_split_counts_its_cells(split):
    assert len(split) == 4
    assert split.cells.tolist() == [[0, 0, 1], [2, 1, 0]]


def test_taking_samples_keeps_their_order_and_columns_together(split):
    taken = split.take(np.array([2, 0]))
    assert (taken.rows.tolist(), taken.y.tolist(), taken.a.tolist(), taken.source.tolist()) == ([3, 9], [1, 0], [1, 1], [7, 5])
    assert taken.pool is split.pool


def test_a_part_of_a_split_knows_the_groups_and_classes_of_the_whole(split):
    part = split.take(np.array([0]))
    assert (part.num_groups, part.num_classes) == (2, 3)
    assert part.cells.tolist() == [[0, 0, 0], [1, 0, 0]]


def test_group_counts_are_equal_where_their_tables_are():
    one = counts_of_recalls([[8, 3], [1, 5]], [[10, 10], [10, 10]])
    assert one == GroupCounts(one.hard.copy(), one.soft + 1e-9)
    assert one != GroupCounts(one.hard, one.soft, np.ones((2, 2, 5), dtype=np.int64))
    assert one != counts_of_recalls([[8, 3], [1, 6]], [[10, 10], [10, 10]])
