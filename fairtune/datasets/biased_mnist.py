"""Digits on a background whose colour goes with the class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairtune.batches.transforms import Normalise
from fairtune.datasets import _mnist
from fairtune.datasets._bias import Drawn, DrawnBias, conflicting_values, unbiased_values
from fairtune.datasets._pools import Info, Part, Pool
from fairtune.records import Bytes, Ints
from fairtune.seeding import generator
from fairtune.space import Real, hyperparameter

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (225, 225, 0),
    "magenta": (225, 0, 225),
    "cyan": (0, 255, 255),
    "orange": (255, 128, 0),
    "rose": (255, 0, 128),
    "violet": (128, 0, 255),
    "gray": (128, 128, 128),
}
_RGB = np.array(list(COLOURS.values()), dtype=np.uint8)


@dataclass(kw_only=True)
class BiasedMNIST(DrawnBias):
    """White digits on a background of one of ten colours, each the colour of one class (Biased-MNIST).

    x: 28x28 RGB images; every pixel of the digit that is not black is white, all others have the background's colour. y: the
    digit. a: the background's colour.

    Of the n training images of each class ``int(n * rho)`` have the colour of their class, the others are spread evenly over the
    nine other colours; the published rho are 0.99, 0.995, 0.997 and 0.999, and 0.1 is unbiased. The test split is unbiased, every
    image in one colour. ``train: unbiased`` is FFW's small unbiased training set; table 8 of its appendix gives it 36,000
    images, its code 10,000, which we follow.
    """

    cache_name: ClassVar[str] = "biased-mnist-2"
    licence: ClassVar[str] = _mnist.LICENCE
    citation: ClassVar[str] = (
        f"H. Bahng et al., Learning De-biased Representations with Biased Representations, ICML 2020; {_mnist.CITATION}"
    )
    obtain: ClassVar[str] = _mnist.OBTAIN

    rho: float = hyperparameter(0.99, Real(low=0, high=1), help="share of a class on the background of its colour")

    def describe(self, root: Path) -> Info:
        """Ten digits on ten backgrounds."""
        return Info(
            classes=tuple("0123456789"),
            groups=tuple(COLOURS),
            shape=(3, 28, 28),
            normalise=Normalise((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
            balanced_test=True,
            model="simple_convnet",
            epochs=80,
            batch_size=100,
        )

    def check(self, root: Path) -> None:
        """Compare the checksums of MNIST's files with the published ones."""
        _mnist.check_mnist(root)

    def decode(self, root: Path) -> dict[Part, Pool]:
        """The training digits on the background of their class and on another; the test digits on one."""
        files = _mnist.read_mnist(root)
        digits, y = files["train"]
        conflict = conflicting_values(y, generator(0, "data", 10))
        train = _pool(digits, np.tile(y, 2), np.concatenate([y, conflict]), np.tile(conflict, 2), 0)
        digits, y = files["test"]
        colour = unbiased_values(y, generator(0, "data", 11))
        return {"train": train, "test": _pool(digits, y, colour, colour, len(files["train"][1]))}

    def aligned_shares(self) -> tuple[float, ...]:
        """``rho``."""
        return (self.rho,)


def _pool(digits: Bytes, y: Ints, colour: Ints, conflict: Ints, first: int) -> Pool:
    source = np.arange(len(y)) % len(digits)
    drawn = Drawn((len(y), 28, 28, 3), lambda rows: on_background(digits[source[rows]], _RGB[colour[rows]][:, None, None]))
    return Pool(drawn, {"y": y, "a": colour, "source": first + source, "conflict0": conflict})


def on_background(digits: Bytes, background: Bytes) -> Bytes:
    """White digits on coloured ground.

    Args:
        digits: ``(n, H, W)``; every pixel that is not 0 becomes white.
        background: colours, broadcast to ``(n, H, W, 3)``.
    """
    return np.where(digits[..., None] > 0, np.uint8(255), background)
