import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, betabinom

from fairtune.metrics import SCORES, deo_m, deo_m_shrunken, ranked, redraw_probabilities, scores, shrunken_cell_accuracy
from fairtune.records import GroupCounts
from tests.builders import counts_of_recalls, group_counts

STRENGTHS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def by_the_definition(counts):
    """Posterior means by numerical integration, weighed by scipy's beta-binomial."""
    right, samples = np.diagonal(counts.hard, axis1=1, axis2=2), counts.cells
    share, prior = right.sum(0) / samples.sum(0), (right.sum(0) + 1) / (samples.sum(0) + 2)
    means, likely = [], []
    for s in STRENGTHS:
        likely.append(np.prod(betabinom.pmf(right, samples, s * prior, s * (1 - prior))))
        means.append(np.vectorize(lambda r, n, m, s=s: posterior_mean(r, n, s * m, s * (1 - m)))(right, samples, share))
    return np.average(means, axis=0, weights=likely)


def posterior_mean(right, samples, a, b):
    density = beta(a + right, b + samples - right).pdf
    return quad(lambda p: p * density(p), 0, 1)[0]


def test_cells_have_the_posterior_means_of_the_definition():
    counts = counts_of_recalls([[9, 18], [6, 19]], [[10, 20], [10, 20]])
    right = np.diagonal(counts.hard, axis1=1, axis2=2).astype(float)
    assert shrunken_cell_accuracy(right, counts.cells.astype(float)) == pytest.approx(by_the_definition(counts), abs=1e-6)


def test_gaps_that_may_be_chance_are_drawn_together():
    few, many = (
        counts_of_recalls([[9, 18], [6, 19]], [[10, 20], [10, 20]]),
        counts_of_recalls([[900, 1800], [600, 1900]], [[1000, 2000], [1000, 2000]]),
    )
    assert deo_m(few) == deo_m(many) == pytest.approx(0.3)
    assert deo_m_shrunken(few) < 0.2
    assert deo_m_shrunken(many) == pytest.approx(0.3, abs=0.01)


def test_it_tells_nets_apart_that_have_the_same_answers():
    hard = counts_of_recalls([[9, 18], [6, 19]], [[10, 20], [10, 20]]).hard
    less = hard.astype(np.float64)
    less[hard == 6] = 7.5
    sure, unsure = GroupCounts(hard, hard.astype(np.float64)), GroupCounts(hard, less)
    assert deo_m(sure) == deo_m(unsure)
    assert deo_m_shrunken(unsure) < deo_m_shrunken(sure)


@pytest.mark.parametrize("sureness", [0.9, 0.5, 0.1])
def test_who_is_unsure_of_everything_is_not_fairer(sureness):
    sure = counts_of_recalls([[90, 180, 80], [60, 190, 81]], [[100, 200, 100], [100, 200, 100]])
    even = sure.cells[:, :, None] / 3
    unsure = GroupCounts(sure.hard, even + sureness * (sure.soft - even))
    assert deo_m_shrunken(unsure) == pytest.approx(deo_m_shrunken(sure), rel=1e-6)


def test_who_knows_nothing_is_not_stretched():
    nothing = counts_of_recalls([[40, 60], [45, 55]], [[100, 100], [100, 100]])
    lost = GroupCounts(nothing.hard, np.full((2, 2, 2), 50.0))
    assert deo_m_shrunken(lost) == 0
    assert deo_m_shrunken(nothing) < deo_m(nothing)


def test_an_empty_cell_contributes_nothing():
    counts = counts_of_recalls([[9, 18], [0, 10]], [[10, 20], [0, 20]])
    two = counts_of_recalls([[9, 18, 5], [0, 10, 4]], [[10, 20, 5], [0, 20, 5]])
    assert 0 < deo_m_shrunken(counts) < deo_m(counts) == pytest.approx(0.4)
    assert np.isfinite(deo_m_shrunken(two))
    assert np.isnan(deo_m_shrunken(counts_of_recalls([[9, 0], [0, 10]], [[10, 0], [0, 20]])))


def test_searches_rank_by_it_where_it_was_recorded():
    assert SCORES["deo_m"].estimate == "deo_m_shrunken"
    assert ranked({"accuracy": 0.9, "deo_m": 0.2, "deo_m_shrunken": 0.1}) == {
        "accuracy": 0.9,
        "deo_m": 0.1,
        "deo_m_shrunken": 0.1,
    }
    assert ranked({"accuracy": 0.9, "deo_m": 0.2, "of_an_old_version": 1.0}) == {
        "accuracy": 0.9,
        "deo_m": 0.2,
        "of_an_old_version": 1.0,
    }


def test_every_estimate_is_a_recorded_score_of_the_same_direction():
    recorded = scores(group_counts(np.ones((2, 2, 2))))
    estimated = {name: score.estimate for name, score in SCORES.items() if score.estimate}
    assert estimated
    for name, estimate in estimated.items():
        assert estimate in recorded
        assert SCORES[estimate].better == SCORES[name].better
        assert SCORES[estimate].estimate is None


def test_its_interval_is_of_probabilities_drawn_anew():
    counts = counts_of_recalls([[90, 180], [60, 190]], [[100, 200], [100, 200]])
    unsure = GroupCounts(counts.hard, 0.8 * counts.soft + 0.2 * np.flip(counts.soft, 2))
    for one in (counts, unsure):
        found = SCORES["deo_m_shrunken"].over([one], [deo_m_shrunken(one)])
        assert found.low < found.mean == deo_m_shrunken(one) < found.high
    lonely = group_counts([[[0, 0], [1, 3]], [[0, 0], [0, 1]]])
    assert np.isfinite(SCORES["deo_m_shrunken"].within(lonely)).all(), "a cell of one sample is not taken for empty"
    drawn = list(redraw_probabilities([unsure], np.zeros(500, dtype=np.int64), np.random.default_rng(0)))
    assert np.mean([table.soft for table in drawn], axis=0) == pytest.approx(unsure.soft, abs=1)
    assert (drawn[0].soft.sum(2) == unsure.cells).all()
    assert (drawn[0].hard == unsure.hard).all()
