import numpy as np
import pytest

from fairtune.datasets import Part, Pool
from fairtune.datasets._bias import choose_versions
from fairtune.datasets.biased_mnist import COLOURS, BiasedMNIST, on_background
from fairtune.errors import DataError

from .files import MNIST_PER_CLASS

RGB = np.array(list(COLOURS.values()))


def splits_of(root, **options):
    dataset = BiasedMNIST(**options)
    return dataset.training_splits(dataset.decode(root), dataset.describe(root))


def test_digits_are_white_on_the_colour_of_their_group(small_mnist):
    for pool in BiasedMNIST().decode(small_mnist).values():
        images = pool.x[:50]
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images[:, 0, 0], RGB[pool.columns["a"][:50]])
        drawn = (images != images[:, :1, :1]).any(axis=-1)
        assert (images[drawn] == 255).all()


def test_every_pixel_that_is_not_black_becomes_white():
    digit = np.array([[[0, 1], [128, 255]]], dtype=np.uint8)
    red = np.array([[[[255, 0, 0]]]], dtype=np.uint8)
    np.testing.assert_array_equal(on_background(digit, red)[0, :, :, 1], [[0, 255], [255, 255]])


def test_train_is_biased_and_validation_is_not(small_mnist):
    splits = splits_of(small_mnist, rho=0.9)
    train, validation = (splits[part].cells for part in ("train", "validation"))
    np.testing.assert_array_equal(np.diag(train), (0.9 * train.sum(axis=0)).astype(int))
    assert np.ptp(train - np.diag(np.diag(train)) + np.diag(train.min(axis=0)), axis=0).max() <= 2
    assert validation.sum() == pytest.approx(0.1 * 10 * MNIST_PER_CLASS["TRAIN_MD5"], abs=20)
    assert np.ptp(validation, axis=0).max() <= 3


def test_the_test_split_is_unbiased(small_mnist):
    dataset = BiasedMNIST()
    cells = dataset.test_split(dataset.decode(small_mnist)["test"], dataset.describe(small_mnist)).cells
    assert (cells == MNIST_PER_CLASS["TEST_MD5"] // 10).all()


def test_the_unbiased_training_set_is_a_sixth_and_shares_no_digit_with_validation(small_mnist):
    splits = splits_of(small_mnist, train="unbiased")
    assert len(splits["train"]) == pytest.approx(10 * MNIST_PER_CLASS["TRAIN_MD5"] / 6, abs=50)
    assert np.ptp(splits["train"].cells, axis=0).max() <= 3
    assert not set(splits["train"].source) & set(splits["validation"].source)


def test_official_validates_on_a_sixth_of_the_digits_whatever_it_trains_on(small_mnist):
    biased, unbiased = (splits_of(small_mnist, protocol="official", train=train) for train in ("biased", "unbiased"))
    digits = 10 * MNIST_PER_CLASS["TRAIN_MD5"]
    assert len(biased["validation"]) == len(unbiased["train"]) == round(digits / 6)
    assert len(biased["train"]) + len(biased["validation"]) == digits
    ours, theirs = (np.sort(splits["validation"].source) for splits in (biased, unbiased))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("rho", "fraction"), [(0.99, 0.05), (0.999, 0.05), (0.995, 0.1), (0.99, 0.013)])
def test_a_fraction_keeps_the_share_of_what_conflicts(shared_data, rho, fraction):
    dataset = BiasedMNIST(rho=rho)
    pools: dict[Part, Pool] = {"train": BiasedMNIST().decode(shared_data)["train"]}
    info = dataset.describe(shared_data)
    whole, part = (dataset.training_splits(pools, info, share)["train"] for share in (1.0, fraction))
    assert len(part) == pytest.approx(fraction * len(whole), abs=1)
    assert (part.y != part.a).sum() == pytest.approx(fraction * (whole.y != whole.a).sum(), abs=1)
    conflicting = [np.bincount(split.y[split.y != split.a], minlength=10) for split in (whole, part)]
    assert conflicting[1] == pytest.approx(fraction * conflicting[0], abs=1)


@pytest.mark.parametrize("rho", [0.99, 0.995, 0.997, 0.999])
def test_published_counts(shared_data, rho):
    pool = BiasedMNIST().decode(shared_data)["train"]
    originals = np.arange(60_000)
    rows = choose_versions(pool, originals, (rho,), np.random.default_rng(0))
    y, a = pool.columns["y"][rows], pool.columns["a"][rows]
    cells = np.bincount(a * 10 + y, minlength=100).reshape(10, 10)
    of_class = np.bincount(pool.columns["y"][:60_000])
    np.testing.assert_array_equal(np.diag(cells), (of_class * rho + 1e-9).astype(int))
    off = cells[~np.eye(10, dtype=bool)]
    assert off.sum() == (of_class - np.diag(cells)).sum()
    assert np.ptp(off.reshape(-1)) <= 2


def test_missing_files_are_named(tmp_path):
    with pytest.raises(DataError, match="train-images-idx3-ubyte"):
        BiasedMNIST().check(tmp_path)
