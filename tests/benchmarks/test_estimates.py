import numpy as np
import pytest

from benchmarks.search_efficiency.estimates import ESTIMATES
from benchmarks.search_efficiency.ranking import comparable, pools, study
from fairtune.metrics import deo_a, deo_m
from fairtune.records import GroupCounts
from tests.benchmarks.test_search_efficiency import BASELINE, BEST, tables


def counts(right, samples):
    """Of two classes and two groups; the probability of the true class is 0.9 of what is counted."""
    right, samples = np.asarray(right), np.asarray(samples)
    hard = np.zeros((2, 2, 2), dtype=np.int64)
    hard[:, [0, 1], [0, 1]] = right
    hard[:, [0, 1], [1, 0]] = samples - right
    return GroupCounts(hard, (0.9 * hard).astype(np.float64))


SMALL = counts([[9, 18], [6, 19]], [[10, 20], [10, 20]])
LARGE = counts([[9000, 18000], [6000, 19000]], [[10000, 20000], [10000, 20000]])


def test_of_many_samples_all_estimates_of_the_largest_gap_agree():
    found = {name: ESTIMATES[name](LARGE) for name in ("DEO_M", "shrunken", "expected", "bias-corrected")}
    assert found == {name: pytest.approx(deo_m(LARGE), abs=0.005) for name in found}
    assert ESTIMATES["DEO_A"](LARGE) == pytest.approx(deo_a(LARGE))


def test_of_few_samples_shrinking_draws_the_groups_together():
    assert ESTIMATES["DEO_M"](SMALL) == pytest.approx(0.3)
    assert ESTIMATES["shrunken"](SMALL) < 0.25
    assert ESTIMATES["bias-corrected"](SMALL) < 0.3
    assert ESTIMATES["shrunken"](SMALL) < ESTIMATES["expected"](SMALL)


def test_soft_estimates_are_of_probabilities():
    assert ESTIMATES["soft DEO_M"](SMALL) == pytest.approx(0.27)


def test_an_empty_cell_is_left_out():
    for name, estimate in ESTIMATES.items():
        assert np.isfinite(estimate(counts([[9, 0], [6, 19]], [[10, 0], [10, 20]]))), name


def test_an_estimate_that_tells_the_truth_ranks_without_regret():
    gaps = np.linspace(0.05, 0.15, 13)[:, None].repeat(4, axis=1)
    gaps[BASELINE] = 0.2
    gaps[BEST] = 0.01
    table = tables(gaps)
    rows = {(row.pool, row.estimate): row for row in study(table, {"DEO_M": deo_m, "nothing": lambda counts: 0.0})}
    assert {row.pool for row in rows.values()} == {pool.name for pool in pools(table)}
    assert rows["last epoch", "DEO_M"].correlation[0] == pytest.approx(1)
    assert rows["last epoch", "DEO_M"].regret[0] == 0
    assert rows["last epoch", "nothing"].regret[0] == pytest.approx(table.test_deo_m[1:].mean() - 0.01)


def test_only_settings_that_are_accurate_enough_are_ranked():
    gaps = np.full((13, 4), 0.2)
    gaps[1] = 0.5
    assert 1 not in comparable(tables(gaps))
    assert set(comparable(tables(gaps))) == set(range(2, 13))
