"""Digits whose ink has the colour of their class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from fairtune.datasets import _mnist
from fairtune.datasets._bias import NUM_CLASSES, Drawn, conflicting_values, unbiased_values
from fairtune.datasets._pickles import read_object
from fairtune.datasets._pools import Info, Part, Pool
from fairtune.datasets._published import DrawnOrPublished
from fairtune.errors import DataError, InvalidInput
from fairtune.records import Array, Bytes, Floats, Ints
from fairtune.seeding import generator
from fairtune.space import Options, hyperparameter

VARIANCES = (0.02, 0.025, 0.03, 0.035, 0.04, 0.045, 0.05)
INKS = {
    "red": (0.85, 0.15, 0.15),
    "orange": (0.9, 0.55, 0.1),
    "yellow": (0.85, 0.8, 0.2),
    "green": (0.2, 0.7, 0.25),
    "teal": (0.1, 0.65, 0.65),
    "blue": (0.2, 0.35, 0.9),
    "violet": (0.55, 0.25, 0.8),
    "pink": (0.9, 0.4, 0.7),
    "brown": (0.5, 0.3, 0.2),
    "gray": (0.6, 0.6, 0.6),
}
_MEANS = np.array(list(INKS.values()))
_BINS = 8


@dataclass(kw_only=True)
class ColouredMNIST(DrawnOrPublished):
    """Digits in an ink whose colour goes with the class, on black (coloured MNIST of "Learning Not to Learn").

    x: 28x28 RGB images. y: the digit. a: the class whose mean colour the ink has. Attribute vector: the ink's colour, the
    maximum of each channel in eight bins, one-hot: 24 numbers, three of them 1.

    In the training set the ink is drawn from a Gaussian around the mean colour of the class, clipped; in the test split around
    the mean of a class that has nothing to do with the digit. ``variance`` is one of seven; B. Kim et al. and their file names
    call it the variance, R. Ragonesi et al. the standard deviation of the same files: 0.02 is a standard deviation of 0.14.

    Published files are ``mnist_10color_jitter_var_0.030.npy`` and so on, in the data folder or in ``colored_mnist`` there; a is
    then the class whose training images have the nearest mean colour. The authors have no validation images and test on all 10,000
    test images; ``protocol: official`` validates on a quarter of them and tests on the others, and there is no unbiased training
    set. Drawn images (see ``images``) have means and a test rule of our own, as theirs are not published.
    """

    cache_name: ClassVar[str] = "coloured-mnist-2"
    licence: ClassVar[str] = f"{_mnist.LICENCE}; published files: none stated"
    citation: ClassVar[str] = (
        f"B. Kim et al., Learning Not to Learn: Training Deep Neural Networks with Biased Data, CVPR 2019; {_mnist.CITATION}"
    )
    obtain: ClassVar[str] = (
        f"{_mnist.OBTAIN}; or the .npy files linked at github.com/feidfoe/learning-not-to-learn into colored_mnist there"
    )

    shared_in: ClassVar[Mapping[str, tuple[float, float]]] = {**DrawnOrPublished.shared_in, "official": (0.0, 0.25)}

    variance: float = hyperparameter(0.03, Options(values=VARIANCES), help="of the ink's colour in each channel")

    def describe(self, root: Path) -> Info:
        """Ten digits in ten inks.

        Raises:
            InvalidInput: an unbiased training set is wanted of published images under ``protocol: official``, which has none.
        """
        if self.images == "published" and (self.train, self.protocol) == ("unbiased", "official"):
            raise InvalidInput(
                "the authors of coloured MNIST have no unbiased training set, they test on all of the unbiased images: "
                "train on the biased set, or use protocol: fixed, which keeps a quarter of them for training"
            )
        return Info(
            classes=tuple("0123456789"),
            groups=tuple(INKS) if self.images == "drawn" else tuple(f"ink of {digit}" for digit in range(10)),
            shape=(3, 28, 28),
            balanced_test=self.images == "drawn",
            model="lenet",
            epochs=501,
        )

    def published_files(self, root: Path) -> Path:
        """The file of this variance."""
        name = f"mnist_10color_jitter_var_{self.variance:.3f}.npy"
        return root / name if (root / name).is_file() else root / "colored_mnist" / name

    def check(self, root: Path) -> None:
        """MNIST's checksums, or that the published file is there."""
        if self.images == "drawn":
            _mnist.check_mnist(root)
        elif not (path := self.published_files(root)).is_file():
            raise DataError(f"{path} is missing: {self.obtain}")

    def drawn_by(self) -> tuple[object, ...]:
        """The variance."""
        return (self.variance,)

    def published_names(self, root: Path) -> tuple[str, ...]:
        """One file."""
        return (str(self.published_files(root).relative_to(root)),)

    def decode(self, root: Path) -> dict[Part, Pool]:
        """Each training digit in the ink of its class and in another; or the published images."""
        if self.images == "published":
            biased, unbiased = _read(self.published_files(root), self.obtain)
            return self.shared_out(biased, unbiased, NUM_CLASSES * unbiased.columns["y"] + unbiased.columns["a"])
        files = _mnist.read_mnist(root)
        (train, y), (test, test_y) = files["train"], files["test"]
        conflict = conflicting_values(y, generator(0, "data", 10))
        both = np.concatenate([y, conflict])
        colour = unbiased_values(test_y, generator(0, "data", 11))
        drawn = _drawn(train, np.tile(y, 2), both, np.tile(conflict, 2), self._inks(both, 12), 0)
        return {"train": drawn, "test": _drawn(test, test_y, colour, colour, self._inks(colour, 13), len(y))}

    def aligned_shares(self) -> tuple[float, ...]:
        """Every training digit has the ink of its class."""
        return (1.0,)

    def attribute_vectors(self, pool: Pool) -> npt.NDArray[np.float32]:
        """The ink's colour ``(N, 24)``, see :func:`one_hot_colour`."""
        return one_hot_colour(pool.columns["ink"])

    def _inks(self, value: Ints, stream: int) -> Floats:
        """A colour ``(n, 3)`` in [0, 1] around the mean of each value."""
        jitter = generator(0, "data", stream).normal(0, np.sqrt(self.variance), (len(value), 3))
        inks: Floats = (_MEANS[value] + jitter).clip(0, 1)
        return inks


def one_hot_colour(colours: Array) -> npt.NDArray[np.float32]:
    """Colours as three one-hot vectors of eight bins each, red, green and blue one after the other.

    R. Ragonesi et al., "Learning Unbiased Representations via Mutual Information Backpropagation", 2021; "24 bit" there.

    Args:
        colours: ``(n, 3)`` from 0 to 255.

    Returns:
        ``(n, 24)``; bin b holds the values from 32 b to 32 b + 31.
    """
    return np.eye(_BINS, dtype=np.float32)[colours.astype(np.int64) // (256 // _BINS)].reshape(len(colours), -1)


def _drawn(digits: Bytes, y: Ints, value: Ints, conflict: Ints, inks: Floats, first: int) -> Pool:
    source = np.arange(len(y)) % len(digits)
    x = Drawn((len(y), 28, 28, 3), lambda rows: _in_ink(digits[source[rows]], inks[rows]))
    brightest = digits.max(axis=(1, 2))[source]
    ink = (inks * brightest[:, None]).round().astype(np.uint8)
    return Pool(x, {"y": y, "a": value, "source": first + source, "conflict0": conflict, "ink": ink})


def _in_ink(digits: Bytes, inks: Floats) -> Bytes:
    pixels: Bytes = (digits[..., None] * inks[:, None, None]).round().astype(np.uint8)
    return pixels


def _read(path: Path, obtain: str) -> tuple[Pool, Pool]:
    """The training and the test images of a published file."""
    stored = read_object(path, obtain)
    needed = ("train_image", "train_label", "test_image", "test_label")
    if not isinstance(stored, dict) or not stored.keys() >= set(needed):
        raise DataError(f"{path} does not hold a dict with {', '.join(needed)}: {obtain}")
    train_x, train_y, test_x, test_y = (np.asarray(stored[name]) for name in needed)
    train_ink, test_ink = (x.max(axis=(1, 2)) for x in (train_x, test_x))
    means = np.stack([train_ink[train_y == digit].mean(axis=0) for digit in range(10)])
    return _published(train_x, train_y, train_ink, means), _published(test_x, test_y, test_ink, means)


def _published(x: Array, y: Array, ink: Array, means: Floats) -> Pool:
    nearest = np.linalg.norm(ink[:, None].astype(float) - means, axis=-1).argmin(axis=1)
    columns = {"y": y.astype(np.int64), "a": nearest, "source": np.arange(len(y)), "ink": ink.astype(np.uint8)}
    return Pool(x.astype(np.uint8), columns)
