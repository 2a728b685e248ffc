import numpy as np
import pytest

from fairtune.metrics import accuracy, deo_m, interval, worst_cell_accuracy
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
