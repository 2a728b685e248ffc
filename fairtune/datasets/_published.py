"""Datasets with a drawn bias whose authors published images already drawn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairtune.datasets._base import Dataset
from fairtune.datasets._bias import DrawnBias
from fairtune.datasets._images import ImageFiles
from fairtune.datasets._pools import Content, Info, Part, Pool, Samples
from fairtune.records import Ints, Split
from fairtune.seeding import generator
from fairtune.space import Options, Value, hyperparameter


@dataclass(kw_only=True)
class DrawnOrPublished(DrawnBias):
    """A drawn bias of which there are also published files, read where they are found.

    ``images: published`` takes the files as they are: their training images are the biased training set. They have no unbiased
    images but the test images, which are cut into an unbiased training set, validation and test, disjoint and fixed once.
    ``protocol: fixed`` takes a quarter, a quarter and a half of them; ``protocol: official`` 60, 20 and 20 %, as FFW's code
    does (see :attr:`shared_in`), whose own draw is not reproducible.

    ``images: drawn`` draws the bias anew onto the original images: our generator, as the authors published none.
    """

    shared_in: ClassVar[Mapping[str, tuple[float, float]]] = {"fixed": (0.25, 0.25), "official": (0.6, 0.2)}
    """Under each protocol, what share of the published test images trains without bias, and what share validates."""

    images: str = hyperparameter(
        "drawn", Options(values=("drawn", "published")), help="files as published (default where found), or drawn by us"
    )

    @classmethod
    def complete(cls, given: Mapping[str, Value], root: Path | None = None) -> dict[str, Value]:
        """Defaults filled in; published files are taken where they are found."""
        options = super().complete(given, root)
        if root is not None and "images" not in given and cls.build(**options).published_files(root).exists():
            options["images"] = "published"
        return options

    @abstractmethod
    def published_files(self, root: Path) -> Path:
        """File or folder of the published images under these options."""

    def content(self, root: Path) -> Content:
        """Where the images come from, and for published ones how the test images are shared out, and their files."""
        if self.images == "drawn":
            return Content((self.images, *self.drawn_by()))
        return Content((self.images, self.protocol), self.published_names(root))

    def drawn_by(self) -> tuple[object, ...]:
        """The options that change drawn images."""
        return ()

    @abstractmethod
    def published_names(self, root: Path) -> Sequence[str]:
        """The files of the published images, relative to ``root``."""

    def training_parts(self) -> tuple[Part, ...]:
        """Published images have a validation part; of drawn ones, some originals of the training part are held out."""
        return ("train",) if self.images == "drawn" else ("train", "validation")

    def training_rows(self, pool: Pool) -> Ints:
        """Of published images, the biased or the unbiased ones."""
        return np.flatnonzero(pool.columns["unbiased"] == (self.train == "unbiased"))

    def training_splits(self, pools: Mapping[Part, Pool], info: Info, train_fraction: float = 1.0) -> dict[str, Split]:
        """See :class:`DrawnBias`; published images come split."""
        if self.images == "drawn":
            return super().training_splits(pools, info, train_fraction)
        return Dataset.training_splits(self, pools, info, train_fraction)

    def shared_out(self, biased: Pool, unbiased: Pool, cell: Ints) -> dict[Part, Pool]:
        """The parts of published images.

        Args:
            biased: the training images.
            unbiased: the test images.
            cell: class and bias of each test image as one number; every cell is shared out alike.
        """
        share = self._test_shares(cell)
        for_training, validation, test = (_rows_of(unbiased, np.flatnonzero(share == role)) for role in range(3))
        columns = {**biased.columns, "source": len(unbiased) + biased.columns["source"]}
        columns = {name: np.concatenate([column, for_training.columns[name]]) for name, column in columns.items()}
        x = joined(biased.x, for_training.x)
        columns["unbiased"] = np.arange(x.shape[0]) >= len(biased)
        return {"train": Pool(x, columns), "validation": validation, "test": test}

    def numbering(self) -> object:
        """Originals, or positions in a published file."""
        return self.images, self.published_files(Path()).name if self.images == "published" else ""

    def _test_shares(self, cell: Ints) -> Ints:
        """For each test image 0 for training, 1 for validation, 2 for test."""
        rng = generator(0, "data", 2)
        rank = np.empty(len(cell))
        for c in np.unique(cell):
            members = rng.permutation(np.flatnonzero(cell == c))
            rank[members] = (np.arange(len(members)) + rng.random()) / len(members)
        share = np.empty(len(cell), dtype=np.int64)
        until = np.cumsum(self.shared_in[self.protocol])
        share[np.argsort(rank)] = np.searchsorted(until, (np.arange(len(cell)) + 0.5) / len(cell))
        return share


def _rows_of(pool: Pool, rows: Ints) -> Pool:
    x = pool.x.take(rows) if isinstance(pool.x, ImageFiles) else pool.x[:][rows]
    return Pool(x, {name: column[rows] for name, column in pool.columns.items()})


def joined(first: Samples, second: Samples) -> Samples:
    """Samples one after the other; image files stay files, which are decoded as they are written to the cache."""
    if isinstance(first, ImageFiles) and isinstance(second, ImageFiles):
        return replace(first, names=[*first.names, *second.names])
    return np.concatenate([first[:], second[:]])
