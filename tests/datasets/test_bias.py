import numpy as np
import pytest

from fairtune.datasets import Pool
from fairtune.datasets._bias import choose_versions, conflicting_values, evenly, unbiased_values

Y = np.repeat(np.arange(10), 200)


def pool_of(biases):
    """A pool without images: 200 originals of each class in every version."""
    versions = 2**biases
    columns = {"y": np.tile(Y, versions), "source": np.tile(np.arange(len(Y)), versions)}
    for bias in range(biases):
        columns[f"conflict{bias}"] = np.tile(conflicting_values(Y, np.random.default_rng(bias)), versions)
    return Pool(np.empty((versions * len(Y), 0), dtype=np.float32), columns)


def shown(pool, rows, bias):
    """The value that each row shows."""
    version = rows // len(Y)
    return np.where(version >> bias & 1, pool.columns[f"conflict{bias}"][rows], pool.columns["y"][rows])


def test_conflicting_values_are_spread_evenly_over_the_nine_others():
    value = conflicting_values(Y, np.random.default_rng(0))
    assert (value != Y).all()
    for label in range(10):
        counts = np.bincount(value[label == Y], minlength=10)
        assert counts[label] == 0
        assert np.ptp(np.delete(counts, label)) <= 1


def test_unbiased_values_are_spread_evenly_over_all():
    value = unbiased_values(Y, np.random.default_rng(0))
    assert all((np.bincount(value[label == Y]) == 20).all() for label in range(10))


@pytest.mark.parametrize("share", [0, 0.1, 0.95, 0.99, 0.999, 1])
def test_the_aligned_count_is_the_share_rounded_down(share):
    pool = pool_of(1)
    rows = choose_versions(pool, np.arange(len(Y)), (share,), np.random.default_rng(0))
    aligned = shown(pool, rows, 0) == Y
    assert all(aligned[label == Y].sum() == int(200 * share + 1e-9) for label in range(10))
    np.testing.assert_array_equal(pool.columns["source"][rows], np.arange(len(Y)))


def test_what_conflicts_is_spread_evenly():
    pool = pool_of(1)
    rows = choose_versions(pool, np.arange(len(Y)), (0.9,), np.random.default_rng(0))
    value = shown(pool, rows, 0)
    for label in range(10):
        counts = np.delete(np.bincount(value[label == Y], minlength=10), label)
        assert counts.sum() == 20
        assert np.ptp(counts) <= 1


def test_two_biases_are_independent():
    pool = pool_of(2)
    rows = choose_versions(pool, np.arange(len(Y)), (0.5, 0.8), np.random.default_rng(0))
    left, right = (shown(pool, rows, bias) == Y for bias in range(2))
    table = [(left & right).sum(), (left & ~right).sum(), (~left & right).sum(), (~left & ~right).sum()]
    assert table == [800, 200, 800, 200]


def test_every_beginning_of_an_even_order_is_even():
    value = np.repeat([0, 1, 2], [10, 10, 4])
    order = evenly(value, np.random.default_rng(0))
    assert sorted(order) == list(range(24))
    for length in range(12):
        assert np.ptp(np.bincount(value[order[:length]], minlength=3)) <= 1
