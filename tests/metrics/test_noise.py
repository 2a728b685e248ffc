import math

import numpy as np
import pytest

from fairtune.metrics import SCORES, accuracy, deo_m, standard_error
from fairtune.records import GroupCounts


def two_groups(first, second, sizes=(400, 400)):
    """One class of two with these accuracies of the groups; the other is always recognised."""
    hard = np.zeros((2, 2, 2), dtype=np.int64)
    for group, (share, size) in enumerate(zip((first, second), sizes, strict=True)):
        hard[group, 0] = [round(share * size), size - round(share * size)]
        hard[group, 1, 1] = size
    return GroupCounts(hard, hard.astype(float))


def test_accuracy_has_the_error_of_a_share():
    counts = two_groups(0.5, 0.8)
    expected = math.sqrt(400 * 0.25 + 400 * 0.16) / 1600
    assert standard_error(SCORES["accuracy"], counts, accuracy(counts)) == pytest.approx(expected, rel=0.25)


def test_a_gap_has_the_error_of_a_difference_of_two_shares():
    counts = two_groups(0.5, 0.8)
    expected = math.sqrt(0.25 / 400 + 0.16 / 400)
    assert standard_error(SCORES["deo_m"], counts, deo_m(counts)) == pytest.approx(expected, rel=0.25)


def test_the_recorded_value_tells_how_cells_were_weighed():
    counts = two_groups(0.9, 0.5, sizes=(1000, 10))
    by_samples, by_cells = accuracy(counts), accuracy(counts, weighting="cells")
    score = SCORES["accuracy"]
    assert standard_error(score, counts, by_cells) > 2 * standard_error(score, counts, by_samples)


def test_where_nothing_is_known_it_is_0():
    counts = two_groups(0.5, 0.8)
    assert standard_error(SCORES["deo_m"], counts, math.nan) == 0
    assert standard_error(SCORES["mutual_information"], counts, 0.3) == 0
    assert standard_error(SCORES["deo_m"], counts, 0.3) == standard_error(SCORES["deo_m"], counts, 0.3)
