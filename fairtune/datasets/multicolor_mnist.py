"""Digits between two backgrounds, the colour of each going with the class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from fairtune.datasets import _mnist
from fairtune.datasets._bias import NUM_CLASSES, Drawn, conflicting_values, unbiased_values
from fairtune.datasets._pools import Info, Part, Pool
from fairtune.datasets._published import DrawnOrPublished
from fairtune.errors import DataError
from fairtune.records import Bytes, Floats, Ints
from fairtune.seeding import generator
from fairtune.space import Options, Real, hyperparameter

FOLDER = "multi_color_mnist"
_LEFT = np.array(
    [
        (0.9, 0.1, 0.15),
        (0.1, 0.75, 0.2),
        (0.15, 0.25, 0.9),
        (0.9, 0.8, 0.1),
        (0.85, 0.15, 0.8),
        (0.1, 0.8, 0.8),
        (0.95, 0.5, 0.1),
        (0.45, 0.25, 0.05),
        (0.5, 0.2, 0.85),
        (0.45, 0.5, 0.45),
    ]
)
_RIGHT = 1 - _LEFT
_JITTER = {1: 0.05, 2: 0.02, 3: 0.01, 4: 0.005}
_SUBSETS = ("left aligned, right aligned", "left conflicting", "right conflicting", "both conflicting")


@dataclass(kw_only=True)
class MultiColourMNIST(DrawnOrPublished):
    """Digits on a ground of two colours, left and right, that both go with the class (Multi-Color MNIST).

    x: 28x28 RGB images. y: the digit. a: which of the two biases the image contradicts, the four subsets on which DebiAN reports
    accuracy (``attribute: subsets``), or the colour on the left or right (``left``, ``right``). Attribute vector: both colours
    one-hot, 20 numbers.

    In each class of the training set the share ``left_conflicting`` has another than the class's colour on the left,
    independently ``right_conflicting`` on the right. The test split is unbiased: all pairs of colours alike. ``severity`` 1 to 4
    is the jitter of the colours, with standard deviation 0.05 to 0.005 (the most severe bias jitters least).

    Published files lie in ``multi_color_mnist/ColoredMNIST-SkewedA0.01-SkewedB0.05-Severity4/{train,valid}/{images,attrs}.npy``;
    their ``valid`` images are unbiased and shared out as ``images`` says. Drawn images have ten mean colours of our own.
    """

    cache_name: ClassVar[str] = "multi-colour-mnist-2"
    licence: ClassVar[str] = f"{_mnist.LICENCE}; published files: none stated"
    citation: ClassVar[str] = (
        f"Z. Li, A. Hoogs, C. Xu, Discover and Mitigate Unknown Biases with Debiasing Alternate Networks, ECCV 2022; "
        f"{_mnist.CITATION}"
    )
    obtain: ClassVar[str] = (
        f"{_mnist.OBTAIN}; or unpack multi_color_mnist.tar.gz of github.com/zhihengli-UR/DebiAN, release v1.0, there"
    )

    left_conflicting: float = hyperparameter(0.01, Real(low=0, high=1), help="share of a class in another colour on the left")
    right_conflicting: float = hyperparameter(0.05, Real(low=0, high=1), help="share of a class in another colour on the right")
    severity: int = hyperparameter(4, Options(values=tuple(_JITTER)), help="of the bias: the higher, the less colours jitter")
    val_frac: float = hyperparameter(0.2, Real(low=0.01, high=0.9), help="share of the training set held out for validation")
    attribute: str = hyperparameter("subsets", Options(values=("subsets", "left", "right")), help="what the groups are")

    def describe(self, root: Path) -> Info:
        """The four subsets, or ten colours."""
        return Info(
            classes=tuple("0123456789"),
            groups=_SUBSETS if self.attribute == "subsets" else tuple(f"colour of {digit}" for digit in range(NUM_CLASSES)),
            shape=(3, 28, 28),
            balanced_test=self.images == "drawn" and self.attribute != "subsets",
            model="mlp3",
            epochs=100,
            batch_size=100,
        )

    def published_files(self, root: Path) -> Path:
        """The folder of these skews and this severity."""
        skews = f"SkewedA{self.left_conflicting:g}-SkewedB{self.right_conflicting:g}"
        return root / FOLDER / f"ColoredMNIST-{skews}-Severity{self.severity}"

    def check(self, root: Path) -> None:
        """MNIST's checksums, or that the published files are there."""
        if self.images == "drawn":
            _mnist.check_mnist(root)
            return
        folder = self.published_files(root)
        if missing := [name for name in _FILES if not (folder / name).is_file()]:
            raise DataError(f"{', '.join(missing)} missing in {folder}: {self.obtain}")

    def drawn_by(self) -> tuple[object, ...]:
        """Their jitter."""
        return (self.severity,)

    def published_names(self, root: Path) -> tuple[str, ...]:
        """Images and attributes of both parts."""
        folder = self.published_files(root).relative_to(root)
        return tuple(str(folder / name) for name in _FILES)

    def decode(self, root: Path) -> dict[Part, Pool]:
        """Each training digit in four versions, the test digits in one; or the published images."""
        if self.images == "published":
            self.check(root)
            biased, unbiased = (_read(self.published_files(root) / part) for part in ("train", "valid"))
            y, left, right = (unbiased.columns[name] for name in ("y", "left", "right"))
            return self.shared_out(biased, unbiased, 4 * y + _subset(y, left, right))
        files = _mnist.read_mnist(root)
        (train, y), (test, test_y) = files["train"], files["test"]
        left, right = (conflicting_values(y, generator(0, "data", 10 + side)) for side in range(2))
        all_left, all_right = np.concatenate([y, left, y, left]), np.concatenate([y, y, right, right])
        pool = self._drawn(train, np.tile(y, 4), all_left, all_right, 0)
        conflicts = {"conflict0": np.tile(left, 4), "conflict1": np.tile(right, 4)}
        left, right = _unbiased_pairs(test_y)
        return {"train": Pool(pool.x, {**pool.columns, **conflicts}), "test": self._drawn(test, test_y, left, right, len(y))}

    def labels(self, pool: Pool) -> tuple[Ints, Ints]:
        """The digit, and its subset or one of its colours."""
        y, left, right = (pool.columns[name] for name in ("y", "left", "right"))
        return y, {"subsets": _subset(y, left, right), "left": left, "right": right}[self.attribute]

    def attribute_vectors(self, pool: Pool) -> npt.NDArray[np.float32]:
        """Both colours one-hot ``(N, 20)``."""
        one_hot = np.eye(NUM_CLASSES, dtype=np.float32)
        return np.concatenate([one_hot[pool.columns["left"]], one_hot[pool.columns["right"]]], axis=1)

    def conflicts(self, pool: Pool) -> Ints:
        """The subset."""
        return _subset(*(pool.columns[name] for name in ("y", "left", "right")))

    def aligned_shares(self) -> tuple[float, ...]:
        """What is left of each side."""
        return (1 - self.left_conflicting, 1 - self.right_conflicting)

    def _drawn(self, digits: Bytes, y: Ints, left: Ints, right: Ints, first: int) -> Pool:
        source = np.arange(len(y)) % len(digits)
        jitter = generator(0, "data", 14).normal(0, _JITTER[self.severity], (2, len(y), 3))
        grounds = [
            (mean[value] + side).clip(0, 1) for mean, value, side in zip((_LEFT, _RIGHT), (left, right), jitter, strict=True)
        ]
        x = Drawn((len(y), 28, 28, 3), lambda rows: on_two_grounds(digits[source[rows]], grounds[0][rows], grounds[1][rows]))
        return Pool(x, {"y": y, "left": left, "right": right, "source": first + source})


_FILES = tuple(f"{part}/{name}.npy" for part in ("train", "valid") for name in ("images", "attrs"))


def on_two_grounds(digits: Bytes, left: Floats, right: Floats) -> Bytes:
    """Digits whose brightness is added to the colour of the ground, one in the left and one in the right half.

    Args:
        digits: ``(n, H, W)``.
        left: colours ``(n, 3)`` in [0, 1].
        right: likewise.
    """
    half = digits.shape[2] // 2
    ground = np.repeat(np.stack([left, right], axis=1), half, axis=1)[:, None]
    pixels: Bytes = (digits[..., None] + 255 * ground).clip(0, 255).round().astype(np.uint8)
    return pixels


def _subset(y: Ints, left: Ints, right: Ints) -> Ints:
    """Which of the two colours contradict the digit, in the order of the four subsets."""
    subset: Ints = (left != y) + 2 * (right != y).astype(np.int64)
    return subset


def _unbiased_pairs(y: Ints) -> tuple[Ints, Ints]:
    """A left and a right colour for each digit, all pairs alike within each class."""
    left = unbiased_values(y, generator(0, "data", 12))
    right = np.empty_like(left)
    for value in range(NUM_CLASSES):
        members = np.flatnonzero(left == value)
        right[members] = unbiased_values(y[members], generator(0, "data", 13, value), first=value)
    return left, right


def _read(folder: Path) -> Pool:
    """One published part: its attributes are the digit, the left and the right colour."""
    try:
        images, attributes = (np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("images", "attrs"))
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"the files in {folder} cannot be read ({error}): {MultiColourMNIST.obtain}") from error
    if images.shape[1:] != (28, 28, 3) or attributes.shape != (len(images), 3):
        raise DataError(f"{folder} holds arrays of shape {images.shape} and {attributes.shape}: {MultiColourMNIST.obtain}")
    columns = {name: attributes[:, c].astype(np.int64) for c, name in enumerate(("y", "left", "right"))}
    return Pool(images.astype(np.uint8), columns | {"source": np.arange(len(images))})
