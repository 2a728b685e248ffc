import math

import numpy as np
import pytest

from benchmarks.band import PLANE, held, scored, true_recalls
from fairtune.metrics import SCORES, within_at_once
from tests.builders import counts_of_recalls

ACCURACY, DEO_M = SCORES["accuracy"], SCORES["deo_m"]
ONE = counts_of_recalls([[950, 600], [700, 700]], [[1000, 800], [1000, 900]])
OTHER = counts_of_recalls([[900, 650], [730, 660]], [[1000, 800], [1000, 900]])


def at_once(score, *nets, among):
    return within_at_once(score, nets, [score.of(counts) for counts in nets], among=among)


@pytest.mark.parametrize("score", PLANE)
def test_one_interval_is_the_usual_one_and_more_are_wider(score):
    usual, more, many = (at_once(score, ONE, among=among) for among in (1, 20, 2000))
    assert usual == pytest.approx(score.within(ONE))
    assert many.low < more.low < usual.low < usual.high < more.high < many.high


def test_an_interval_among_five_has_a_fifth_of_the_risk():
    assert at_once(ACCURACY, ONE, among=5) == pytest.approx(ACCURACY.within(ONE, 0.99))


def test_of_several_nets_the_ends_are_means():
    each = [at_once(DEO_M, counts, among=8) for counts in (ONE, OTHER)]
    assert at_once(DEO_M, ONE, OTHER, among=8) == pytest.approx(tuple(np.mean(each, axis=0)))


def test_cells_that_weigh_alike_weigh_alike_in_the_limits():
    value = ACCURACY.of(ONE, "cells")
    found = within_at_once(ACCURACY, [ONE], [value], among=3)
    assert found == pytest.approx(ACCURACY.within(ONE, 1 - 0.05 / 3, "cells"))


@pytest.mark.parametrize("name", ["loss", "mutual_information", "deo_m_shrunken"])
def test_a_score_without_limits_of_its_own_has_none_at_once(name):
    assert all(map(math.isnan, within_at_once(SCORES[name], [ONE], [0.1], among=4)))


def test_a_score_that_is_not_defined_has_none():
    assert all(map(math.isnan, within_at_once(DEO_M, [ONE], [math.nan], among=4)))


def test_the_band_holds_a_front_that_its_own_samples_picked():
    """Of 60 fronts; intervals that each hold with 95 % leave some net of the front out far more often."""
    rng = np.random.default_rng(1)
    whole = []
    for _ in range(60):
        recalls = true_recalls(20, 2, "one", rng)
        whole.append([one for one, _ in held(scored(recalls, 100, rng), recalls)])
    alone, _, among_all = np.mean(whole, axis=0)
    assert alone < 0.9 < 0.94 < among_all
