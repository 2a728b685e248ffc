import numpy as np
import pytest

from fairtune.metrics import deo_m, only_class
from fairtune.records import GroupCounts


def counts(given):
    """Of two groups and two classes, ten samples of each cell, by the class that each cell's samples are given."""
    hard = 10 * np.eye(2, dtype=np.int64)[np.array(given)]
    return GroupCounts(hard, hard.astype(float))


@pytest.mark.parametrize(
    ("given", "expected"), [([[1, 1], [1, 1]], 1), ([[0, 0], [0, 0]], 0), ([[0, 1], [0, 1]], None), ([[1, 1], [1, 0]], None)]
)
def test_a_net_that_knows_one_class_alone_has_no_gap_and_is_known(given, expected):
    assert only_class(counts(given)) == expected
    assert expected is None or deo_m(counts(given)) == 0


def test_samples_of_one_class_may_all_be_right():
    hard = np.zeros((2, 2, 2), dtype=np.int64)
    hard[:, 1, 1] = 10
    assert only_class(GroupCounts(hard, hard.astype(float))) is None
