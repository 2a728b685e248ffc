import numpy as np
import pytest

from fairtune.spec import answers
from fairtune.spec.answers import pack, unpack


def back(*given):
    packed = pack(*given)
    assert packed is not None
    return unpack(packed)


def drawn(n, classes, groups=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, classes, n), rng.integers(0, classes, n), rng.integers(0, groups, n)


@pytest.mark.parametrize("classes", [2, 10, 300, 1000])
def test_answers_come_back_in_the_order_of_the_cells(classes):
    predicted, y, a = drawn(2000, classes)
    in_order = [predicted[(a == group) & (y == label)] for group in range(3) for label in range(classes)]
    np.testing.assert_array_equal(back(predicted, y, a), np.concatenate(in_order))


def test_what_is_kept_takes_little_room():
    _, y, a = drawn(10_000, 10)
    predicted = np.where(np.random.default_rng(1).random(10_000) < 0.9, y, (y + 1) % 10)
    assert len(pack(predicted, y, a) or "") in range(1, 2500)


def test_of_very_many_samples_nothing_is_kept(monkeypatch):
    monkeypatch.setattr(answers, "MOST", 99)
    assert pack(*drawn(100, 2)) is None
    assert pack(*drawn(99, 2)) is not None


def test_no_samples_have_no_answers():
    assert back(*drawn(0, 2)).shape == (0,)
