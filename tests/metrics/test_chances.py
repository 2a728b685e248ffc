import math

import numpy as np
import pytest

from fairtune.metrics import SCORES, chance_of_dominating, draw_truths
from tests.builders import counts_of_recalls

PLANE = [SCORES["accuracy"], SCORES["deo_m"]]
TOTAL = np.full((2, 4), 200)


def drawn(recalls, total=TOTAL, scores=PLANE):
    counts = counts_of_recalls(np.rint(np.asarray(recalls) * total).astype(int), total)
    return draw_truths(scores, counts, [score.of(counts) for score in scores])


def table(recall, gap):
    found = np.full((2, 4), recall)
    found[1] -= gap
    return found


def test_what_is_better_in_both_likely_dominates_and_is_not_dominated():
    better, worse = drawn(table(0.95, 0.0)), drawn(table(0.9, 0.3))
    assert chance_of_dominating(better, worse) > 0.99
    assert chance_of_dominating(worse, better) < 0.01


def test_what_is_better_in_one_and_worse_in_the_other_does_not():
    fair, accurate = drawn(table(0.7, 0.0)), drawn(table(0.95, 0.3))
    assert chance_of_dominating(fair, accurate) < 0.01
    assert chance_of_dominating(accurate, fair) < 0.01


def test_a_net_is_not_likely_to_dominate_its_equal():
    one, other = drawn(table(0.9, 0.1)), drawn(table(0.9, 0.1))
    assert 0.05 < chance_of_dominating(one, other) < 0.6


def test_fewer_samples_leave_more_open():
    found = [
        chance_of_dominating(drawn(table(0.9, 0.0), n * TOTAL // 20), drawn(table(0.9, 0.1), n * TOTAL // 20)) for n in (2, 80)
    ]
    assert found[0] < found[1] - 0.1


@pytest.mark.parametrize("name", ["loss", "mutual_information", "deo_m_shrunken"])
def test_what_does_not_follow_from_the_answers_is_not_known(name):
    counts = counts_of_recalls(TOTAL // 2, TOTAL)
    assert draw_truths([SCORES["accuracy"], SCORES[name]], counts, [0.5, 0.1]) is None
    assert math.isnan(chance_of_dominating(None, drawn(table(0.9, 0.0))))


@pytest.mark.parametrize("weighting", ["samples", "cells"])
def test_how_likely_a_value_is_reached_is_where_the_limits_pass_it(weighting):
    accuracy, counts = SCORES["accuracy"], counts_of_recalls([[90, 30], [20, 10]], [[100, 40], [30, 20]])
    low = accuracy.within(counts, 0.9, weighting).low
    assert accuracy.chance_of(counts, low, weighting) == pytest.approx(0.95, abs=0.002)
    assert accuracy.chance_of(counts, 0.0, weighting) > 0.998
    assert accuracy.chance_of(counts, 1.0, weighting) < 0.002
