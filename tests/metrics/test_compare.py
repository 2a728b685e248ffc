import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from fairtune.metrics import SCORES, compare
from tests.builders import counts_of_recalls


def scored(name, rng, recalls, seeds, per_cell=200, scatter=0.0):
    models = []
    for _ in range(seeds):
        rates = np.clip(recalls + rng.normal(0, scatter, recalls.shape), 0, 1)
        counts = counts_of_recalls(rng.binomial(per_cell, rates), np.full(recalls.shape, per_cell))
        models.append((counts, SCORES[name].of(counts)))
    return models


FAIR = np.full((2, 4), 0.8)
UNFAIR = np.array([[0.8] * 4, [0.5] * 4])


@pytest.mark.parametrize("name", ["accuracy", "deo_m", "deo_a", "worst_group_accuracy"])
def test_a_difference_that_is_there_is_seen_from_both_sides(name):
    rng = np.random.default_rng(0)
    fair, unfair = scored(name, rng, FAIR, 4), scored(name, rng, UNFAIR, 4)
    there, back = compare(SCORES[name], fair, unfair), compare(SCORES[name], unfair, fair)
    assert not there.low <= 0 <= there.high
    assert there.p_value < 0.01
    assert (there.mean > 0) == (SCORES[name].better == "higher")
    assert (back.mean, back.low, back.high, back.p_value) == pytest.approx((-there.mean, -there.high, -there.low, there.p_value))


@pytest.mark.parametrize("name", ["accuracy", "deo_m"])
@pytest.mark.parametrize("seeds", [1, 3])
def test_a_difference_that_is_not_there_is_hardly_ever_seen(name, seeds):
    rng = np.random.default_rng(1)
    found = [
        compare(SCORES[name], scored(name, rng, UNFAIR, seeds, 60, 0.02), scored(name, rng, UNFAIR, seeds, 60, 0.02))
        for _ in range(40)
    ]
    assert np.mean([one.p_value < 0.05 for one in found]) <= 0.1
    assert all((one.p_value < 0.05) == (not one.low <= 0 <= one.high) for one in found)


def test_equal_settings_do_not_differ():
    setting = scored("deo_m", np.random.default_rng(2), FAIR, 2)
    found = compare(SCORES["deo_m"], setting, setting)
    assert (found.mean, found.p_value, found.seeds) == (0, 1, 2)
    assert found.low < 0 < found.high


def test_what_counts_do_not_tell_takes_two_seeds():
    setting = scored("accuracy", np.random.default_rng(3), FAIR, 3)
    score = SCORES["mutual_information"]
    other = [(counts, 0.3 + 0.01 * seed) for seed, (counts, _) in enumerate(setting)]
    lower = [(counts, 0.1 + 0.02 * seed) for seed, (counts, _) in enumerate(setting)]
    assert compare(score, lower, other).high < 0
    assert math.isnan(compare(score, lower[:1], other[:1]).p_value)
    assert compare(score, [(setting[0][0], math.nan)], other[:1]).seeds == 0


@pytest.mark.parametrize("apart", [0.02, 0.2, 0.6])
@pytest.mark.parametrize("seeds", [2, 4])
def test_what_seeds_alone_tell_has_the_p_value_of_students_test(apart, seeds):
    counts, rng = scored("accuracy", np.random.default_rng(4), FAIR, 1)[0][0], np.random.default_rng(seeds)
    differences = apart + rng.normal(0, 0.01, seeds)
    found = compare(SCORES["mutual_information"], [(counts, one) for one in differences], [(counts, 0.0)] * seeds)
    assert found.p_value == pytest.approx(ttest_1samp(differences, 0).pvalue)


def test_a_difference_stays_within_what_two_scores_can_differ_by():
    rng = np.random.default_rng(5)
    setting, other = (scored("deo_m", rng, recalls, 2, 12, 0.1) for recalls in (np.array([[0.9] * 4, [0.1] * 4]), FAIR))
    there, back = (compare(SCORES["deo_m"], *pair) for pair in ((setting, other), (other, setting)))
    assert (there.high, back.low) == (1, -1)
