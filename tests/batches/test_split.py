import numpy as np
import pytest
import torch

from fairtune.batches.augment import Augment
from fairtune.batches.split import DeviceSplit, copied
from fairtune.batches.transforms import ColourJitter, Crop, Flip
from fairtune.records import Split
from fairtune.testing.trainings import CPU

N = 6


@pytest.fixture(scope="module")
def split():
    pool = np.random.default_rng(0).integers(0, 256, (10, 4, 5, 3), dtype=np.uint8)
    rows = np.array([9, 2, 2, 0, 5, 7])
    return Split(pool, rows, np.arange(N) % 3, np.arange(N) % 2, np.arange(N), num_groups=2, num_classes=3)


def everything():
    return torch.arange(N)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_images_are_scaled_and_channels_first(split, dtype):
    x = DeviceSplit(split, CPU, dtype).batch(everything()).x
    assert x.dtype == dtype
    assert x.is_contiguous(memory_format=torch.channels_last)
    expected = np.moveaxis(split.pool[split.rows] / 255, -1, 1)
    torch.testing.assert_close(x, torch.from_numpy(expected).to(dtype))


def test_labels_groups_and_index_follow_the_positions(split):
    index = torch.tensor([4, 0, 4])
    batch = DeviceSplit(split, CPU, torch.float32).batch(index)
    assert (batch.y.tolist(), batch.a.tolist(), batch.index.tolist()) == ([1, 0, 1], [0, 0, 0], [4, 0, 4])
    assert len(DeviceSplit(split, CPU, torch.float32)) == N


def test_a_flip_mirrors_left_and_right_of_the_chosen_images(split):
    on_device = DeviceSplit(split, CPU, torch.float32, Augment((Flip(),)))
    flip = torch.tensor([True, False, True, False, True, False])
    plain, flipped = on_device.batch(everything()).x, on_device.batch(everything(), (flip,)).x
    torch.testing.assert_close(flipped[flip], plain[flip].flip(3), rtol=0, atol=0)
    torch.testing.assert_close(flipped[~flip], plain[~flip], rtol=0, atol=0)
    assert not torch.equal(flipped[flip], plain[flip])


def test_the_pool_stays_as_it_is(split):
    before = split.pool.copy()
    for transforms in ((), (Flip(),), (Flip(), Crop(), ColourJitter(0.3))):
        on_device = DeviceSplit(split, CPU, torch.float32, Augment(transforms))
        drawn = tuple(values[0] for values in on_device.draw((1, N), np.random.default_rng(0)))
        on_device.batch(everything(), drawn).x.zero_()
        on_device.batch(everything()).x.zero_()
    np.testing.assert_array_equal(split.pool, before)


def test_images_are_brought_to_the_size_that_a_net_sees(split):
    on_device = DeviceSplit(split, CPU, torch.float32, Augment((Crop(),), size=(3, 3)))
    drawn = tuple(values[0] for values in on_device.draw((1, N), np.random.default_rng(0)))
    for x in (on_device.batch(everything()).x, on_device.batch(everything(), drawn).x):
        assert x.shape == (N, 3, 3, 3)
        assert x.is_contiguous(memory_format=torch.channels_last)


def test_a_split_copied_to_a_device_holds_its_own_images_in_their_order(split, monkeypatch):
    monkeypatch.setattr("fairtune.batches.split._PIECE", 4)
    np.testing.assert_array_equal(copied(split, CPU).numpy(), split.pool[split.rows])


def test_vectors_are_neither_scaled_nor_mirrored():
    pool = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)
    rows, zeros = np.arange(N), np.zeros(N, dtype=np.int64)
    split = Split(pool, rows[::-1].copy(), zeros, zeros, rows, num_groups=2, num_classes=3)
    x = DeviceSplit(split, CPU, torch.float64, Augment((Flip(),))).batch(everything(), ()).x
    np.testing.assert_array_equal(x.numpy(), pool[::-1].astype(np.float64))
