import numpy as np
import pytest
import torch

from fairtune.batches.sampling import (
    balanced,
    cell_positions,
    check_batch_size,
    check_cells,
    effective_number_weights,
    official_balanced,
    uniform,
)
from fairtune.batches.split import DeviceSplit
from fairtune.errors import DataError, InvalidInput
from fairtune.names import Names
from fairtune.records import Split
from fairtune.testing.trainings import CPU


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def cells_of_sizes(*sizes):
    shuffled = np.random.default_rng(1).permutation(sum(sizes))
    return np.split(shuffled, np.cumsum(sizes)[:-1])


def cell_of(cells):
    """Which cell each position is of."""
    owner = np.empty(sum(map(len, cells)), dtype=int)
    for c, members in enumerate(cells):
        owner[members] = c
    return owner


def test_uniform_takes_every_sample_at_most_once(rng):
    order = uniform(103, 10, rng)
    assert order.shape == (10, 10)
    assert len(np.unique(order)) == 100
    assert order.min() >= 0
    assert order.max() < 103
    assert uniform(10, 10, rng).shape == (1, 10)


def test_uniform_is_decided_by_its_generator():
    orders = [uniform(50, 10, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0] != orders[2]).any()


def test_a_split_smaller_than_a_batch_is_refused(rng):
    with pytest.raises(InvalidInput, match="a batch of 11 cannot be filled from 10 training samples"):
        uniform(10, 11, rng)
    check_batch_size(11, 11)


@pytest.mark.parametrize("as_tensor", [False, True])
def test_cells_are_group_major(as_tensor):
    y, a = np.array([0, 2, 1, 0, 2]), np.array([1, 0, 1, 1, 0])
    split = Split(np.empty((5, 1), np.float32), np.arange(5), y, a, np.arange(5), num_groups=2, num_classes=3)
    found = cell_positions(DeviceSplit(split, CPU, torch.float32) if as_tensor else split)
    assert [cell.tolist() for cell in found] == [[], [], [1, 4], [0, 3], [2], []]


@pytest.mark.parametrize("sizes", [(40, 7, 13, 100), (5, 5, 5, 5), (300, 4, 4, 4)])
@pytest.mark.parametrize("batch_size", [4, 16, 18, 19])
def test_every_batch_takes_as_many_samples_of_each_cell_give_or_take_one(rng, sizes, batch_size):
    cells = cells_of_sizes(*sizes)
    order = balanced(cells, batch_size, 25, rng)
    assert order.shape == (25, batch_size)
    owner = cell_of(cells)
    counts = np.array([np.bincount(owner[batch], minlength=4) for batch in order])
    assert counts.min() >= batch_size // 4
    assert counts.max() <= -(-batch_size // 4)


def test_the_remainder_goes_to_cells_at_random(rng):
    cells = cells_of_sizes(50, 50, 50)
    order = balanced(cells, 4, 3000, rng)
    share = np.bincount(cell_of(cells)[order].ravel(), minlength=3) / order.size
    np.testing.assert_allclose(share, 1 / 3, atol=0.01)


def test_all_samples_of_a_cell_are_seen_before_any_comes_again(rng):
    cells = cells_of_sizes(12, 30)
    drawn = balanced(cells, 10, 40, rng).ravel()
    for members in cells:
        of_cell = drawn[np.isin(drawn, members)]
        rounds = of_cell[: len(of_cell) // len(members) * len(members)].reshape(-1, len(members))
        assert len(rounds) >= 6
        assert (np.sort(rounds, axis=1) == np.sort(members)).all()
        assert (rounds[0] != rounds[1]).any()


def test_balanced_is_decided_by_its_generator():
    cells = cells_of_sizes(12, 30, 7)
    orders = [balanced(cells, 10, 5, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0] != orders[2]).any()


def test_no_step_gives_no_batch(rng):
    assert balanced(cells_of_sizes(3, 3), 4, 0, rng).shape == (0, 4)


def test_a_batch_smaller_than_the_cells_is_refused():
    with pytest.raises(InvalidInput, match="each of 4 cells: raise --batch-size from 3"):
        check_cells(np.array([[9, 9], [9, 9]]), 3)


def test_cells_too_small_for_a_batch_are_named():
    with pytest.raises(DataError, match=r"but class 1 \(cat\), group gray has 2; class 0, group colour has 0: "):
        check_cells(np.array([[9, 2], [0, 9]]), 12, Names(("0", "cat"), ("gray", "colour")))
    check_cells(np.array([[3, 3], [3, 3]]), 12)


def test_many_small_cells_are_not_all_listed():
    with pytest.raises(DataError, match="has 1 and others: lower --batch-size to 20, "):
        check_cells(np.ones((2, 10), dtype=np.int64), 40)


def test_official_batches_are_cut_from_a_stream_of_blocks(rng):
    cells = cells_of_sizes(12, 30, 7, 9)
    order = official_balanced(cells, 2, 10, rng)
    blocks = 30 // 2
    assert order.shape == (blocks * 8 // 10, 10)
    np.testing.assert_array_equal(cell_of(cells)[order].ravel(), np.tile(np.repeat(np.arange(4), 2), blocks)[: order.size])


def test_the_official_epoch_is_as_long_as_the_wrong_cell_demands(rng):
    cells = cells_of_sizes(6, 6, 6, 8, 6, 6, 6, 6, 40, 6, 6, 6)
    largest_a, largest_y = divmod(8, 3)
    mistaken = largest_a * 4 + largest_y
    assert len(cells[mistaken]) == 6
    assert len(official_balanced(cells, 4, 12, rng)) == 6


def test_the_official_sampler_is_refused_where_it_fails(rng):
    with pytest.raises(InvalidInput, match="use --protocol fixed"):
        official_balanced(cells_of_sizes(*[6] * 11, 40), 4, 12, rng)
    with pytest.raises(InvalidInput, match="use --protocol fixed"):
        official_balanced(cells_of_sizes(6, 6, 6), 1, 2, rng)
    with pytest.raises(InvalidInput, match="use --protocol fixed"):
        official_balanced(cells_of_sizes(6, 6, 1, 40, 6, 6), 2, 12, rng)


def test_effective_number_weights_lie_between_equal_and_inverse_counts():
    counts = np.array([10, 100, 1000])
    np.testing.assert_allclose(effective_number_weights(counts, 0.0), np.ones(3))
    inverse = 1 / counts * 3 / (1 / counts).sum()
    np.testing.assert_allclose(effective_number_weights(counts, 1 - 1e-9), inverse, rtol=1e-4)
    weights = effective_number_weights(counts, 0.99)
    np.testing.assert_allclose(weights * (1 - 0.99**counts), weights[0] * (1 - 0.99 ** counts[0]))
    assert weights.sum() == pytest.approx(3)


def test_a_class_without_samples_weighs_nothing():
    assert effective_number_weights(np.array([0, 5]), 0.9).tolist() == [0, 2]
