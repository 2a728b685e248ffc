"""Drawn images with a bias of known strength: any number of classes, groups and samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairtune.datasets._base import Dataset
from fairtune.datasets._pools import Content, Info, Part, Pool
from fairtune.records import Bytes, Floats, Ints
from fairtune.seeding import generator
from fairtune.space import Integer, Real, hyperparameter

_WAVES = 4
_BLOCK = 1024
_TEST_SHARE = 0.25


@dataclass(kw_only=True)
class Synthetic(Dataset):
    """Patterns of waves, one of each class and one of each group, hidden in noise; needs no files.

    x: RGB images ``0.5 + noise * (signal * u[y] + bias * v[a] + n)`` with patterns u, v of length 1 and n standard normal in every
    pixel: ``signal`` and ``bias`` are distances in standard deviations, whatever the size. y: the class. a: the group.

    Of the training samples of class y the share ``majority_frac`` is in group ``y mod groups``, the others are spread evenly. The
    larger ``bias`` is against ``signal``, the more a net gains by reading the group instead of the class. The test split, a
    quarter as large again, has equally many samples in every cell.

    Images are drawn when they are asked for, so that a dataset larger than the memory can be made.
    """

    cache_name: ClassVar[str] = "synthetic-2"
    licence: ClassVar[str] = "none needed"
    citation: ClassVar[str] = "fairtune"
    obtain: ClassVar[str] = "is drawn by fairtune"

    classes: int = hyperparameter(2, Integer(low=2, high=1000), help="number of classes")
    groups: int = hyperparameter(2, Integer(low=2, high=1000), help="number of groups")
    samples: int = hyperparameter(2000, Integer(low=8, high=10**9), help="training and validation samples")
    size: int = hyperparameter(16, Integer(low=8, high=1024), help="height and width in pixels")
    majority_frac: float = hyperparameter(0.9, Real(low=0, high=1), help="share of a class in its majority group")
    signal: float = hyperparameter(3.0, Real(low=0, high=100), help="strength of the pattern of the class")
    bias: float = hyperparameter(4.0, Real(low=0, high=100), help="strength of the pattern of the group")
    noise: float = hyperparameter(0.15, Real(low=0.01, high=0.5), help="standard deviation of a pixel")

    def describe(self, root: Path) -> Info:
        """As many classes and groups as asked for."""
        return Info(
            classes=tuple(f"class {number}" for number in range(self.classes)),
            groups=tuple(f"group {number}" for number in range(self.groups)),
            shape=(3, self.size, self.size),
            balanced_test=True,
            model="mlp",
            epochs=10,
        )

    def check(self, root: Path) -> None:
        """Nothing to check: there are no files."""

    def content(self, root: Path) -> Content:
        """Every option that changes the images or their number."""
        shape = (self.classes, self.groups, self.samples, self.size)
        return Content((*shape, self.majority_frac, self.signal, self.bias, self.noise))

    def decode(self, root: Path) -> dict[Part, Pool]:
        """The training part, skewed, and the test part, balanced."""
        rng = generator(0, "data")
        cells = self.classes * self.groups
        balanced = np.arange(max(1, round(_TEST_SHARE * self.samples / cells)) * cells)
        y = rng.permutation(np.arange(self.samples) % self.classes)
        a, place = self._skewed(y, rng)
        train = self._pool(y, a, 0)
        return {
            "train": Pool(train.x, {**train.columns, "place": place}),
            "test": self._pool(balanced % self.classes, balanced // self.classes % self.groups, 1),
        }

    def spread(self, pool: Pool) -> tuple[Ints, Ints]:
        """The classes, and the order in which their samples fill the groups, whatever the share of the majority."""
        return pool.columns["y"], pool.columns["place"]

    def _skewed(self, y: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Groups of samples of given classes, in exact shares, and the place of each sample among those of its class."""
        a, place = np.empty_like(y), np.empty_like(y)
        for label in range(self.classes):
            members = rng.permutation(np.flatnonzero(y == label))
            place[members] = np.arange(len(members))
            majority = round(self.majority_frac * len(members))
            others = np.delete(np.arange(self.groups), label % self.groups)
            a[members[:majority]] = label % self.groups
            a[members[majority:]] = np.sort(others[np.arange(len(members) - majority) % len(others)])
        return a, place

    def _pool(self, y: Ints, a: Ints, part: int) -> Pool:
        patterns = _patterns(self.classes + self.groups, self.size)
        means = self.noise * self.signal * patterns[: self.classes], self.noise * self.bias * patterns[self.classes :]
        return Pool(_Drawings(y, a, *means, self.noise, part), {"y": y, "a": a, "source": part * self.samples + np.arange(len(y))})


@dataclass(frozen=True)
class _Drawings:
    """Images ``(N, H, W, 3)`` drawn when they are sliced, always the same.

    Attributes:
        y: classes ``(N,)``.
        a: groups ``(N,)``.
        of_class: pattern of each class ``(K, H, W, 3)``.
        of_group: pattern of each group ``(A, H, W, 3)``.
        noise: standard deviation of a pixel.
        part: number of the part, each with noise of its own.
    """

    y: Ints
    a: Ints
    of_class: Floats
    of_group: Floats
    noise: float
    part: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.y), *self.of_class.shape[1:])

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        return np.dtype(np.uint8)

    def __getitem__(self, rows: slice, /) -> Bytes:
        start, stop, _ = rows.indices(len(self.y))
        first = start // _BLOCK
        blocks = [self._block(number) for number in range(first, -(-stop // _BLOCK))]
        return np.concatenate(blocks)[start - first * _BLOCK : stop - first * _BLOCK]

    def _block(self, number: int) -> Bytes:
        rows = slice(number * _BLOCK, (number + 1) * _BLOCK)
        mean = 0.5 + self.of_class[self.y[rows]] + self.of_group[self.a[rows]]
        noise = self.noise * generator(0, "data", 2, self.part, number).standard_normal(mean.shape, dtype=np.float32)
        return ((mean + noise).clip(0, 1) * 255).round().astype(np.uint8)


def _patterns(number: int, size: int) -> Floats:
    """Sums of plane waves ``(number, size, size, 3)`` of mean 0 and length 1."""
    rng = generator(0, "data", 1)
    place = np.arange(size) / size
    row, column = rng.integers(0, 4, (2, number, 1, 1, 3, _WAVES))
    phase = rng.uniform(0, 2 * np.pi, (number, 1, 1, 3, _WAVES))
    angle = 2 * np.pi * (row * place[:, None, None, None] + (column + (row == 0)) * place[:, None, None]) + phase
    waves = np.cos(angle).sum(axis=-1)
    patterns: Floats = waves / np.sqrt((waves**2).sum(axis=(1, 2, 3), keepdims=True))
    return patterns
