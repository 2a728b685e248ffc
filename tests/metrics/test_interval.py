import math
from dataclasses import replace

import numpy as np
import pytest

from fairtune.metrics import (
    SCORES,
    Interval,
    accuracy,
    auc,
    deo_m,
    interval,
    interval_over_models,
    redraw_margins,
    worst_cell_accuracy,
)
from tests.builders import counts_of_recalls

RECALLS = np.array([[0.9, 0.6], [0.7, 0.8]])


def drawn_model(rng, per_cell, recalls=RECALLS):
    return counts_of_recalls(rng.binomial(per_cell, recalls), np.full(recalls.shape, per_cell))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("score", [accuracy, deo_m, worst_cell_accuracy])
@pytest.mark.parametrize("models", [1, 4])
@pytest.mark.parametrize("per_cell", [5, 100])
def test_holds_its_mean(rng, score, models, per_cell):
    found = interval([drawn_model(rng, per_cell) for _ in range(models)], score, replicates=200)
    assert found.low <= found.mean <= found.high


def test_holds_its_mean_where_every_redraw_scores_higher():
    perfectly_equal = counts_of_recalls([[8] * 10] * 2, [[10] * 10] * 2)
    found = interval([perfectly_equal], deo_m, replicates=200)
    assert found.low == found.mean == 0


def test_mean_and_deviation_are_over_models(rng):
    models = [drawn_model(rng, 50) for _ in range(4)]
    found = interval(models, accuracy, replicates=50)
    values = [accuracy(counts) for counts in models]
    assert found.values == tuple(values)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.std == pytest.approx(np.std(values, ddof=1))


def test_one_model_has_no_deviation_but_an_interval(rng):
    found = interval([drawn_model(rng, 50)], accuracy, replicates=100)
    assert found.std == 0
    assert found.low < found.high


def test_fewer_samples_give_a_wider_interval():
    widths = []
    for per_cell in (1000, 100, 10):
        correct = np.rint(per_cell * RECALLS).astype(int)
        found = interval([counts_of_recalls(correct, np.full((2, 2), per_cell))], deo_m, replicates=300)
        widths.append(found.high - found.low)
    assert widths[0] < widths[1] < widths[2]


def test_models_that_differ_give_a_wider_interval():
    alike = [counts_of_recalls([[70, 70], [70, 70]], np.full((2, 2), 100))] * 2
    apart = [counts_of_recalls(np.full((2, 2), correct), np.full((2, 2), 100)) for correct in (50, 90)]
    narrow, wide = (interval(models, accuracy, replicates=200) for models in (alike, apart))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_a_higher_level_gives_a_wider_interval(rng):
    model = drawn_model(rng, 50)
    narrow, wide = (interval([model], accuracy, level=level, replicates=500) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize(("score", "truth"), [(accuracy, 0.75), (deo_m, 0.2)])
def test_covers_the_true_value_about_as_often_as_it_says(rng, score, truth):
    intervals = [interval([drawn_model(rng, 400)], score, level=0.9, replicates=200, seed=seed) for seed in range(100)]
    covered = np.mean([found.low <= truth <= found.high for found in intervals])
    assert 0.78 <= covered <= 0.99


def test_the_seed_decides_and_no_global_generator_is_touched(rng):
    model = drawn_model(rng, 30)
    before = np.random.get_state()[1].copy()
    first, again, other = (interval([model], deo_m, replicates=100, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert (first.low, first.high) != (other.low, other.high)
    np.testing.assert_array_equal(before, np.random.get_state()[1])


def test_a_score_that_is_nowhere_defined_has_no_interval():
    one_group = counts_of_recalls([[5, 5], [0, 0]], [[10, 10], [0, 0]])
    found = interval([one_group], deo_m, replicates=20)
    assert np.isnan([found.mean, found.low, found.high]).all()


def with_margins(rng, distance, per_cell):
    """Counts of a net whose margins of the two classes are normal and lie this far apart."""
    margins = np.array([[[0.0], [distance]]]) + rng.normal(size=(2, 2, per_cell))
    edges = np.linspace(-4, 4 + distance, 101)[1:-1]
    table = np.array([[np.bincount(np.searchsorted(edges, cell), minlength=100) for cell in group] for group in margins])
    return replace(counts_of_recalls([[per_cell] * 2] * 2, [[per_cell] * 2] * 2), margins=table)


def test_auc_covers_the_true_value_about_as_often_as_it_says(rng):
    truth = 0.5 * (1 + math.erf(1.5 / 2))
    models = [with_margins(rng, 1.5, 100) for _ in range(60)]
    intervals = [interval([model], auc, redraw=redraw_margins, level=0.9, replicates=200) for model in models]
    assert 0.78 <= np.mean([found.low <= truth <= found.high for found in intervals]) <= 0.99


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
    assert found.model_dump_json() == '{"mean":0.5,"std":0.0,"low":null,"high":null,"values":[null,0.5]}'
    assert str(Interval.model_validate_json(found.model_dump_json())) == str(found)
