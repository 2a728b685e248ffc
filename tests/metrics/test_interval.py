import math
from dataclasses import replace

import numpy as np
import pytest

from fairtune.metrics import SCORES, Interval, Score, interval_over_models
from tests.builders import counts_of_recalls, group_counts

RECALLS = np.array([[0.9, 0.6], [0.7, 0.8]])


def drawn_model(rng, per_cell, recalls=RECALLS):
    return counts_of_recalls(rng.binomial(per_cell, recalls), np.full(recalls.shape, per_cell))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def over(name, *models):
    return SCORES[name].over(models, [SCORES[name].of(model) for model in models])


OF_PREDICTIONS = [name for name, score in SCORES.items() if score.source == "counts"]
OWN = Score("own", "own", "lower", "a gap of one's own", compute=SCORES["deo_m"].compute, gap=True)


@pytest.mark.parametrize("name", OF_PREDICTIONS)
@pytest.mark.parametrize("models", [1, 4])
@pytest.mark.parametrize("per_cell", [5, 100])
def test_holds_its_mean(rng, name, models, per_cell):
    found = over(name, *(drawn_model(rng, per_cell) for _ in range(models)))
    assert found.low <= found.mean <= found.high
    assert found.low <= found.estimate <= found.high


@pytest.mark.parametrize("name", OF_PREDICTIONS)
@pytest.mark.parametrize("right", [0, 7])
def test_does_not_collapse_where_cells_are_small_and_all_right_or_all_wrong(name, right):
    found = over(name, counts_of_recalls([[right] * 2] * 2, [[7] * 2] * 2))
    assert found.high - found.low > 0.05


@pytest.mark.parametrize("name", ["deo_m", "equalized_odds", "equal_opportunity", "demographic_parity"])
@pytest.mark.parametrize("right", [[[4, 0], [8, 0]], [[0, 9], [0, 3]], [[4, 9], [7, 3]]])
def test_which_group_comes_first_does_not_matter_where_nothing_or_little_tells_them_apart(name, right):
    total = [[4, 9], [8, 3]]
    there, back = (SCORES[name].within(counts_of_recalls(right[::step], total[::step])) for step in (1, -1))
    assert there == pytest.approx(back)


def test_a_gap_that_is_none_may_be_one_in_either_direction():
    """Nine of nine and three of three: the smaller cell may be far worse than the larger one."""
    apart = [SCORES["deo_m"].within(counts_of_recalls([[9, right], [3, right]], [[9, 20], [3, 20]])).high for right in (20, 0)]
    swapped = [SCORES["deo_m"].within(counts_of_recalls([[0, right], [0, right]], [[9, 20], [3, 20]])).high for right in (20, 0)]
    assert apart == pytest.approx(swapped)
    assert min(apart) > 0.5


def test_mean_and_deviation_are_over_models(rng):
    models = [drawn_model(rng, 50) for _ in range(4)]
    found = over("accuracy", *models)
    values = [SCORES["accuracy"].of(counts) for counts in models]
    assert found.values == tuple(values)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.std == pytest.approx(np.std(values, ddof=1))


def test_one_model_has_no_deviation_but_an_interval(rng):
    found = over("accuracy", drawn_model(rng, 50))
    assert math.isnan(found.std)
    assert found.low < found.high


def test_fewer_samples_give_a_wider_interval():
    widths = []
    for per_cell in (1000, 100, 10):
        found = over("deo_m", counts_of_recalls(np.rint(per_cell * RECALLS).astype(int), np.full((2, 2), per_cell)))
        widths.append(found.high - found.low)
    assert widths[0] < widths[1] < widths[2]


def test_models_that_differ_give_a_wider_interval():
    alike = [counts_of_recalls([[70, 70], [70, 70]], np.full((2, 2), 100))] * 2
    apart = [counts_of_recalls(np.full((2, 2), correct), np.full((2, 2), 100)) for correct in (50, 90)]
    narrow, wide = (over("accuracy", *models) for models in (alike, apart))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


@pytest.mark.parametrize("score", [*(SCORES[name] for name in OF_PREDICTIONS), OWN], ids=[*OF_PREDICTIONS, "own"])
def test_more_confidence_takes_a_wider_interval(rng, score):
    model = drawn_model(rng, 50)
    narrow, wide = (score.within(model, level) for level in (0.5, 0.99))
    assert wide.low <= narrow.low < narrow.high < wide.high


def test_intervals_are_reproducible_and_no_global_generator_is_touched(rng):
    model = drawn_model(rng, 30)
    before = np.random.get_state()[1].copy()
    assert all(str(over(name, model)) == str(over(name, model)) for name in OF_PREDICTIONS)
    np.testing.assert_array_equal(before, np.random.get_state()[1])


def recalls_with_gap(classes, where, gap):
    recalls = np.full((2, classes), 0.85)
    recalls[1, : classes if where == "all" else 1] -= gap
    return recalls


def test_deo_m_is_held_as_often_as_it_says():
    """The bootstrap around the estimate held it in 3 to 45 % of these, but for the last."""
    rng = np.random.default_rng(0)
    settings = [(10, "all", 0.0, 30), (10, "all", 0.05, 100), (10, "all", 0.2, 1000), (10, "all", 0.4, 300), (2, "all", 0.2, 10)]
    for classes, where, gap, per_cell in [*settings, (10, "one", 0.2, 100)]:
        drawn = [drawn_model(rng, per_cell, recalls_with_gap(classes, where, gap)) for _ in range(120)]
        found = [SCORES["deo_m"].within(model) for model in drawn]
        held = np.mean([one.low <= gap <= one.high for one in found])
        published = np.mean([SCORES["deo_m"].of(model) for model in drawn]) - gap
        corrected = np.mean([one.estimate for one in found]) - gap
        assert held >= 0.91, (classes, where, gap, per_cell)
        assert corrected < published
        if where == "all":
            assert abs(corrected) < 0.6 * published


@pytest.mark.parametrize(("name", "truth"), [("accuracy", 0.75), ("deo_a", 0.2), ("worst_group_accuracy", 0.7), ("own", 0.3)])
def test_other_scores_are_held_as_often_as_they_say(name, truth):
    rng, score = np.random.default_rng(1), (SCORES | {"own": OWN})[name]
    found = [score.within(drawn_model(rng, 60)) for _ in range(12 if name == "own" else 60)]
    assert np.mean([one.low <= truth <= one.high for one in found]) >= 0.88


def test_one_more_retrained_model_is_held_as_often_as_it_says():
    rng = np.random.default_rng(2)
    held = []
    for _ in range(100):
        *trained, another = np.clip(RECALLS + rng.normal(0, 0.03, (4, 2, 2)), 0, 1)
        found = over("deo_m", *(drawn_model(rng, 200, recalls) for recalls in trained))
        held.append(found.low <= np.ptp(another, axis=0).max() <= found.high)
    assert np.mean(held) >= 0.91


def test_a_class_that_stands_out_is_not_taken_back():
    recalls = recalls_with_gap(10, "one", 0.4)
    model = counts_of_recalls(np.rint(1000 * recalls).astype(int), np.full(recalls.shape, 1000))
    assert SCORES["deo_m"].within(model).estimate == pytest.approx(0.4, abs=0.005)


def test_cells_weigh_alike_where_it_is_asked_for():
    model = counts_of_recalls([[90, 1], [90, 1]], [[100, 10], [100, 10]])
    found = SCORES["accuracy"].within(model, weighting="cells")
    assert found.estimate == pytest.approx(0.5)
    assert found.low < 0.5 < found.high
    assert found.high - found.low > 1.3 * np.ptp(SCORES["accuracy"].within(model)[::2])


def test_a_score_that_is_nowhere_defined_has_no_interval():
    found = over("deo_m", counts_of_recalls([[5, 5], [0, 0]], [[10, 10], [0, 0]]))
    assert np.isnan([found.mean, found.low, found.high, found.estimate]).all()


@pytest.mark.parametrize("name", OF_PREDICTIONS)
def test_empty_cells_and_groups_say_nothing(name):
    lacking = over(name, counts_of_recalls([[9, 4], [0, 3], [0, 0]], [[10, 10], [0, 10], [0, 0]]))
    nothing = over(name, group_counts(np.zeros((2, 2, 2))))
    assert math.isnan(lacking.mean) == math.isnan(lacking.low)
    assert math.isnan(nothing.low)


def with_margins(rng, distance, per_cell):
    """Counts of a net whose margins of the two classes are normal and lie this far apart."""
    margins = np.array([[[0.0], [distance]]]) + rng.normal(size=(2, 2, per_cell))
    edges = np.linspace(-4, 4 + distance, 101)[1:-1]
    table = np.array([[np.bincount(np.searchsorted(edges, cell), minlength=100) for cell in group] for group in margins])
    return replace(counts_of_recalls([[per_cell] * 2] * 2, [[per_cell] * 2] * 2), margins=table)


def test_auc_covers_the_true_value_about_as_often_as_it_says(rng):
    truth = 0.5 * (1 + math.erf(1.5 / 2))
    found = [SCORES["auc"].within(with_margins(rng, 1.5, 100), level=0.9) for _ in range(60)]
    assert 0.78 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.99


def test_auc_of_one_model_has_an_interval_and_it_ends_at_1(rng):
    found = SCORES["auc"].over([with_margins(rng, 2.5, 30)], [0.97])
    assert 0.9 < found.low < 0.97 < found.high <= 1
    assert (found.mean, found.values) == (0.97, (0.97,))


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("values", [(0.99, 0.97), (0.0, 0.01), (0.5,), (0.2, math.nan, 0.3), (math.nan,)])
def test_ends_are_values_that_the_score_can_have(rng, name, values):
    score = SCORES[name]
    found = score.over([with_margins(rng, 1.0, 20) for _ in values], values)
    assert np.isfinite([found.low, found.high]).all() == (np.isfinite(values).sum() > (score.interval == "Student"))
    ends = [score.low, found.low, found.mean, found.high, score.high]
    assert np.diff([end for end in ends[1:-1] if np.isfinite(end)] or [0], prepend=ends[0], append=ends[-1]).min() > -1e-12
    assert found.mean == pytest.approx(np.nanmean(values) if np.isfinite(values).any() else math.nan, nan_ok=True)
    assert str(found.values) == str(values)


def test_students_interval_is_that_of_one_more_model():
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(4000, 5))
    found = [interval_over_models(row[:4], level=0.9) for row in drawn]
    assert np.mean([one.low <= row[4] <= one.high for one, row in zip(found, drawn, strict=True)]) == pytest.approx(0.9, abs=0.02)


def test_what_is_not_defined_is_null_in_json_and_comes_back():
    found = interval_over_models([math.nan, 0.5])
    assert found.model_dump_json() == '{"mean":0.5,"std":null,"low":null,"high":null,"values":[null,0.5],"estimate":0.5}'
    assert str(Interval.model_validate_json(found.model_dump_json())) == str(found)


@pytest.mark.parametrize("accuracy", [0.8, 0.9, 0.98])
def test_accuracy_weighed_by_cells_is_held_as_often_as_it_says(accuracy):
    """Cells that happen to be all right once reached nowhere above, and the upper end was passed in 7 to 12 % of draws."""
    rng, sizes = np.random.default_rng(4), np.array([[44] * 5 + [11] * 5, [11] * 5 + [44] * 5])
    drawn = [counts_of_recalls(rng.binomial(sizes, accuracy), sizes) for _ in range(300)]
    found = [SCORES["accuracy"].within(model, weighting="cells") for model in drawn]
    assert np.mean([one.low <= accuracy <= one.high for one in found]) >= 0.93


def test_a_mean_of_one_share_has_its_limits():
    model = counts_of_recalls([[9, 0]], [[10, 0]])
    assert SCORES["accuracy"].within(model, weighting="cells") == SCORES["accuracy"].within(model)


@pytest.mark.parametrize(("name", "accuracy", "per_cell"), [("cell", 0.995, 10), ("cell", 0.99, 30), ("group", 0.995, 10)])
def test_the_worst_accuracy_is_held_where_a_single_error_makes_a_cell_the_worst(name, accuracy, per_cell):
    """Jeffreys' lower limit of one error is above the truth too often: 15 to 19 % of these draws."""
    rng, score = np.random.default_rng(5), SCORES[f"worst_{name}_accuracy"]
    drawn = [drawn_model(rng, per_cell, np.full((2, 2), accuracy)) for _ in range(200)]
    found = [score.within(model) for model in drawn]
    assert np.mean([one.low <= accuracy <= one.high for one in found]) >= 0.95


@pytest.mark.parametrize("per_cell", [2, 3, 5])
def test_deo_a_of_very_small_cells_is_held_as_often_as_it_says(per_cell):
    """Ten classes without a gap: with normal errors the lower end lay above 0 in 18 to 33 % of draws."""
    rng = np.random.default_rng(6)
    found = [SCORES["deo_a"].within(drawn_model(rng, per_cell, np.full((2, 10), 0.8))) for _ in range(60)]
    assert np.mean([one.low <= 1e-9 for one in found]) >= 0.93


@pytest.mark.parametrize(("small", "classes"), [((10, 10), 2), ((3, 10), 2), ((10,) * 10, 10)])
def test_deo_a_is_held_where_one_group_is_small_and_the_other_nearly_all_right(small, classes):
    """A small cell that happens to be all right errs one way: a symmetric upper end missed the truth in 4 to 15 % of these."""
    rng, sizes = np.random.default_rng(7), np.array([[300] * classes, small])
    recalls = np.array([[0.99] * classes, [0.7] * classes])
    found = [SCORES["deo_a"].within(counts_of_recalls(rng.binomial(sizes, recalls), sizes)) for _ in range(300)]
    assert np.mean([one.low <= 0.29 <= one.high for one in found]) >= 0.93
