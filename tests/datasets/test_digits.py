import numpy as np
import pytest
from scipy.spatial.distance import cdist

from fairtune.datasets.digits import Digits


@pytest.fixture(scope="module")
def pool(pools):
    return pools("digits")["train"]


def test_digits_below_five_are_mostly_red_the_others_mostly_green(pool):
    rows = Digits(skew=0.9).training_rows(pool)
    red_share = [np.mean(pool.columns["a"][rows][pool.columns["y"][rows] == digit] == 0) for digit in range(10)]
    assert red_share == pytest.approx([0.9] * 5 + [0.1] * 5, abs=0.01)


def test_every_digit_is_drawn_in_both_inks(pools):
    for pool in pools("digits").values():
        half = len(pool) // 2
        for column in ("source", "y"):
            np.testing.assert_array_equal(pool.columns[column][:half], pool.columns[column][half:])
        red, green = pool.x[..., 0].astype(float).sum((1, 2)), pool.x[..., 1].astype(float).sum((1, 2))
        assert (red[:half] > green[:half]).mean() > 0.99
        assert (green[half:] > red[half:]).mean() > 0.99


def test_train_and_test_together_are_the_1797_digits(pools):
    halves = {part: len(pool) // 2 for part, pool in pools("digits").items()}
    assert sum(halves.values()) == 1797
    assert halves["test"] == pytest.approx(1797 / 4, abs=5)


def test_no_digit_of_the_test_part_is_in_the_training_part(pools):
    shapes = {}
    for part, pool in pools("digits").items():
        half = len(pool) // 2
        brightness = pool.x[:half].max(axis=-1).reshape(half, -1).astype(float)
        shapes[part] = brightness / brightness.max(axis=1, keepdims=True)
    assert cdist(shapes["test"], shapes["train"], "chebyshev").min() > 0.02


def test_decoding_is_the_same_every_time(tmp_path):
    first, second = (Digits(seed=seed).decode(tmp_path) for seed in (0, 1))
    for part in first:
        np.testing.assert_array_equal(first[part].x, second[part].x)
        for name, column in first[part].columns.items():
            np.testing.assert_array_equal(column, second[part].columns[name])
