import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm, ttest_1samp

from fairtune.metrics import SCORES, NetScore, compare, share_left
from tests.builders import counts_of_recalls


def scored(name, rng, recalls, seeds, per_cell=200, scatter=0.0):
    models = []
    for _ in range(seeds):
        rates = np.clip(recalls + rng.normal(0, scatter, recalls.shape), 0, 1)
        counts = counts_of_recalls(rng.binomial(per_cell, rates), np.full(recalls.shape, per_cell))
        models.append(NetScore(counts, SCORES[name].of(counts)))
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
    other = [model._replace(value=0.3 + 0.01 * seed) for seed, model in enumerate(setting)]
    lower = [model._replace(value=0.1 + 0.02 * seed) for seed, model in enumerate(setting)]
    assert compare(score, lower, other).high < 0
    assert math.isnan(compare(score, lower[:1], other[:1]).p_value)
    assert compare(score, [setting[0]._replace(value=math.nan)], other[:1]).seeds == 0


@pytest.mark.parametrize("seeds", [2, 3])
def test_seeds_with_equal_differences_tell_nothing_of_how_sure_they_are(seeds):
    setting = scored("accuracy", np.random.default_rng(3), FAIR, seeds)
    values = [0.3, 0.6, 0.9]
    one, two = ([model._replace(value=value + more) for model, value in zip(setting, values, strict=False)] for more in (0.1, 0.0))
    found = compare(SCORES["mutual_information"], one, two)
    assert found.mean == pytest.approx(0.1)
    assert found.seeds == seeds
    assert np.isnan([found.low, found.high, found.p_value]).all()


@pytest.mark.parametrize("apart", [0.02, 0.2, 0.6])
@pytest.mark.parametrize("seeds", [2, 4])
def test_what_seeds_alone_tell_has_the_p_value_of_students_test(apart, seeds):
    (model,), rng = scored("accuracy", np.random.default_rng(4), FAIR, 1), np.random.default_rng(seeds)
    differences = apart + rng.normal(0, 0.01, seeds)
    setting = [model._replace(value=one) for one in differences]
    found = compare(SCORES["mutual_information"], setting, [model._replace(value=0.0)] * seeds)
    assert found.p_value == pytest.approx(ttest_1samp(differences, 0).pvalue)


def test_a_difference_stays_within_what_two_scores_can_differ_by():
    rng = np.random.default_rng(5)
    setting, other = (scored("deo_m", rng, recalls, 2, 12, 0.1) for recalls in (np.array([[0.9] * 4, [0.1] * 4]), FAIR))
    there, back = (compare(SCORES["deo_m"], *pair) for pair in ((setting, other), (other, setting)))
    assert (there.high, back.low) == (1, -1)


def answered(name, rng, recalls, difficulty, seeds):
    """Models that are scored on the same samples, each as difficult for all of them ``(A, K, n)``."""
    labels, models = np.arange(recalls.shape[1])[:, None], []
    for _ in range(seeds):
        right = 0.8 * difficulty + 0.6 * rng.normal(size=difficulty.shape) < norm.ppf(recalls)[..., None]
        counts = counts_of_recalls(right.sum(axis=2), np.full(recalls.shape, difficulty.shape[2]))
        answers = np.where(right, labels, (labels + 1) % recalls.shape[1]).ravel()
        models.append(NetScore(counts, SCORES[name].of(counts), answers))
    return models


def without_answers(models):
    return [model._replace(answers=None) for model in models]


@pytest.mark.parametrize("name", ["accuracy", "deo_m", "deo_a", "equalized_odds", "sigma_iou"])
def test_samples_that_are_paired_make_a_difference_surer(name):
    rng = np.random.default_rng(6)
    difficulty = rng.normal(size=(*FAIR.shape, 60))
    setting, other = (answered(name, rng, recalls, difficulty, 3) for recalls in (FAIR, UNFAIR))
    paired, seeds = compare(SCORES[name], setting, other), compare(SCORES[name], without_answers(setting), without_answers(other))
    assert (paired.paired, seeds.paired) == ("samples", "seeds")
    assert paired.mean == seeds.mean
    assert paired.high - paired.low < (0.98 if name == "deo_a" else 0.9) * (seeds.high - seeds.low)
    assert paired.p_value <= seeds.p_value
    assert (paired.p_value < 0.05) == (not paired.low <= 0 <= paired.high)


def test_what_pairing_leaves_is_that_of_a_paired_test():
    """For accuracy of one model each, McNemar's standard error over that of two shares."""
    rng = np.random.default_rng(7)
    difficulty = rng.normal(size=(2, 4, 400))
    one, two = (answered("accuracy", rng, FAIR, difficulty, 1)[0] for _ in range(2))
    labels = np.tile(np.repeat(np.arange(4), 400), 2)
    right = [(model.answers == labels).reshape(8, 400) for model in (one, two)]
    paired = np.sqrt((right[0].astype(int) - right[1]).var(axis=1).mean())
    apart = np.sqrt(right[0].var(axis=1).mean() + right[1].var(axis=1).mean())
    left = share_left(SCORES["accuracy"], one.counts.cells, [one.answers], [two.answers])
    assert left == pytest.approx(paired / apart, rel=0.15)
    assert left < 0.9


@pytest.mark.parametrize("emptied", [0, 1, 3])
def test_many_tables_at_once_are_scored_as_one_by_one(emptied):
    rng = np.random.default_rng(3)
    cells = rng.integers(1, 40, (3, 4))
    cells[rng.permuted(np.arange(12).reshape(3, 4)) < emptied] = 0
    cells[:2, 0] = 5
    models = [rng.integers(0, 4, cells.sum()) for _ in range(3)]
    one_by_one = replace(SCORES["deo_m"], of_cells=None)
    assert SCORES["deo_m"].of_cells is not None
    assert share_left(SCORES["deo_m"], cells, models[:2], models[2:]) == share_left(one_by_one, cells, models[:2], models[2:])


def test_the_gap_of_many_tables_is_not_defined_where_nothing_can_be_compared():
    of_cells = SCORES["deo_m"].of_cells
    assert of_cells is not None
    rates = np.array([[[0.5, np.nan], [0.25, 0.75]], [[np.nan, 0.5], [0.25, np.nan]], [[1.0, 0.0], [0.75, 0.5]]])
    np.testing.assert_array_equal(of_cells(rates), [0.25, np.nan, 0.5])


@pytest.mark.parametrize("name", ["accuracy", "deo_m"])
def test_one_model_does_not_differ_from_itself_but_what_answers_alike_here_may_differ_elsewhere(name):
    (model,) = answered(name, np.random.default_rng(8), UNFAIR, np.random.default_rng(8).normal(size=(2, 4, 30)), 1)
    found = compare(SCORES[name], [model], [model])
    assert (found.mean, found.p_value, found.paired) == (0, 1, "samples")
    assert found.low < 0 < found.high
    unpaired = compare(SCORES[name], *([[model._replace(answers=None)]] * 2))
    assert found.high - found.low < 0.8 * (unpaired.high - unpaired.low)


def differing(wrong, sizes=(25, 25, 25, 25)):
    """Two nets on the cells of two classes and two groups; the second errs on so many samples of each that the first recognises.

    Both err on the last ten samples of the first cell.
    """
    table, labels = np.reshape(sizes, (2, 2)), np.repeat([0, 1, 0, 1], sizes)
    nets = []
    for few in ((0, 0, 0, 0), wrong):
        erring = np.concatenate([np.arange(size) < one for size, one in zip(sizes, few, strict=True)])
        erring[sizes[0] - 10 : sizes[0]] = True
        counts = counts_of_recalls(table - np.reshape(few, (2, 2)) - [[10, 0], [0, 0]], table)
        nets.append([NetScore(counts, SCORES["accuracy"].of(counts), np.where(erring, 1 - labels, labels))])
    return nets


def test_settings_that_do_not_differ_here_may_differ_elsewhere():
    """100 samples on which no answer differs: so are 13 % of draws where in truth 2 % do."""
    found = compare(SCORES["accuracy"], *differing((0, 0, 0, 0)))
    assert found.low < -0.02
    assert found.high > 0.02


@pytest.mark.parametrize(("cell", "exact"), [(5, 0.0625), (7, 0.0156), (10, 0.00195)])
def test_settings_that_differ_on_a_whole_small_cell_are_not_sure_to_differ(cell, exact):
    """By McNemar's exact test; they once had p = 0 and an interval without width."""
    found = compare(SCORES["accuracy"], *differing((0, 0, 0, cell), (100, 100, 100, cell)))
    assert found.p_value > exact / 100
    assert found.high - found.low > found.mean / 2


def test_samples_are_not_paired_where_an_answer_is_missing_or_the_samples_are_others():
    rng = np.random.default_rng(9)
    setting, other = (answered("deo_m", rng, FAIR, rng.normal(size=(2, 4, n)), 2) for n in (30, 31))
    assert compare(SCORES["deo_m"], setting, other).paired == "seeds"
    assert compare(SCORES["deo_m"], setting, [setting[0], setting[1]._replace(answers=None)]).paired == "seeds"
    assert compare(SCORES["deo_m_shrunken"], setting, setting).paired == "seeds"
