"""Handwritten digits in two colours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairtune.datasets._base import Dataset
from fairtune.datasets._pools import Info, Part, Pool
from fairtune.records import Ints
from fairtune.seeding import generator
from fairtune.space import Real, hyperparameter

_TEST_SHARE = 0.25
_INK = np.array([[1.0, 0.2, 0.2], [0.2, 1.0, 0.2]])
_JITTER = 0.15


@dataclass(kw_only=True)
class Digits(Dataset):
    """Real handwritten digits in red or green ink, the colour skewed by class: embedded, no download.

    x: 8x8 RGB images; 1,797 digits by 43 writers, drawn in red-ish (a = 0) or green-ish (a = 1) ink on black, each ink's mean
    colour plus Gaussian jitter. y: the digit. a: the ink.

    Of the training digits 0 to 4 the share ``skew`` is red, of 5 to 9 it is green, as CIFAR-10S skews gray and colour; the
    jittered inks follow the coloured digits of R. Ragonesi et al., "Learning Unbiased Representations via Mutual Information
    Backpropagation", 2021. A quarter of the digits is the test split, fixed once, each digit in both inks: exactly balanced. Two
    fifths of the others are held out for validation, so that the smallest cells still say something about fairness.
    """

    cache_name: ClassVar[str] = "digits-4"
    licence: ClassVar[str] = "CC BY 4.0"
    citation: ClassVar[str] = "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998"
    obtain: ClassVar[str] = "comes with scikit-learn"

    skew: float = hyperparameter(0.8, Real(low=0, high=1), help="share of a class in its majority ink")
    val_frac: float = hyperparameter(0.4, Real(low=0.05, high=0.9), help="share of the training set held out for validation")

    def describe(self, root: Path) -> Info:
        """Ten digits in two inks."""
        return Info(
            classes=tuple("0123456789"),
            groups=("red", "green"),
            shape=(3, 8, 8),
            balanced_test=True,
            model="mlp",
            epochs=40,
            batch_size=64,
        )

    def check(self, root: Path) -> None:
        """Nothing to check: the digits come with scikit-learn."""

    def decode(self, root: Path) -> dict[Part, Pool]:
        """Draw every digit in both inks."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        rng = generator(0, "data")
        test = np.zeros(len(digits.target), dtype=bool)
        for digit in range(10):
            members = rng.permutation(np.flatnonzero(digits.target == digit))
            test[members[: round(_TEST_SHARE * len(members))]] = True
        strokes = digits.images / 16
        return {
            "train": _both_inks(strokes, digits.target, np.flatnonzero(~test), rng),
            "test": _both_inks(strokes, digits.target, np.flatnonzero(test), rng),
        }

    def training_rows(self, pool: Pool) -> Ints:
        """One ink for each digit, skewed by class."""
        digits = len(pool) // 2
        y = pool.columns["y"][:digits]
        majority = np.round(self.skew * np.bincount(y)).astype(np.int64)
        green = (self._places(y) < majority[y]) == (y >= 5)
        rows: Ints = np.arange(digits) + digits * green
        return rows

    def spread(self, pool: Pool) -> tuple[Ints, Ints]:
        """The classes, and the order in which their digits get the majority's ink, whatever the skew."""
        y = pool.columns["y"]
        return y, np.tile(self._places(y[: len(pool) // 2]), 2)

    def _places(self, y: Ints) -> Ints:
        """The place of each digit among those of its class in an order that the seed draws."""
        rng = generator(self.seed, "data", 0)
        places = np.empty_like(y)
        for digit in range(10):
            members = rng.permutation(np.flatnonzero(y == digit))
            places[members] = np.arange(len(members))
        return places


def _both_inks(strokes: np.ndarray, labels: np.ndarray, members: Ints, rng: np.random.Generator) -> Pool:
    """Some digits, all in red, then all in green; ``strokes`` is ``(n, 8, 8)`` in [0, 1]."""
    n = len(members)
    group = np.repeat([0, 1], n)
    ink = (_INK[group] + rng.normal(0, _JITTER, (2 * n, 3))).clip(0, 1)
    x = np.tile(strokes[members], (2, 1, 1))[..., None] * ink[:, None, None, :]
    columns = {"y": np.tile(labels[members], 2).astype(np.int64), "a": group.astype(np.int64), "source": np.tile(members, 2)}
    return Pool((x * 255).round().astype(np.uint8), columns)
