"""Datasets with a drawn bias whose authors published images already drawn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fairtune.datasets._base import Content, Dataset, Info, Part, Pool, Samples
from fairtune.datasets._bias import DrawnBias
from fairtune.datasets._images import ImageFiles
from fairtune.records import Ints, Split
from fairtune.seeding import generator
from fairtune.space import Options, Value, hyperparameter

_SHARES = {"fixed": (0.25, 0.25), "official": (0.6, 0.2)}


@dataclass(kw_only=True)
class DrawnOrPublished(DrawnBias):
    """A drawn bias of which there are also published files, read where they are found.

    ``images: published`` takes the files as they are: their training images are the biased training set. They have no unbiased
    images but the test images, which are cut into an unbiased training set, validation and test, disjoint and fixed once.
    ``protocol: fixed`` takes a quarter, a quarter and a half of them; ``protocol: official`` 60, 20 and 20 %, as FFW's code
    does, whose own draw is not reproducible.

    ``images: drawn`` draws the bias anew onto the original images: our generator, as the authors published none.
    """

    images: str = hyperparameter(
        "drawn", Options(values=("drawn", "published")), help="files as published (default where found), or drawn by us"
    )

    @classmethod
    def complete(cls, given: dict[str, Value], root: Path | None = None) -> dict[str, Value]:
        """Defaults filled in; published files are taken where they are found."""
        options = super().complete(given, root)
        if root is not None and "images" not in given and cls(**options).published_files(root).exists():  # type: ignore[arg-type]
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
        for_training = unbiased_part(unbiased, np.flatnonzero(share == 0), len(biased))
        x = joined(biased.x, for_training.x)
        columns = {name: np.concatenate([column, for_training.columns[name]]) for name, column in biased.columns.items()}
        columns["unbiased"] = np.arange(x.shape[0]) >= len(biased)
        parts: dict[Part, Pool] = {"train": Pool(x, columns)}
        parts["validation"] = unbiased_part(unbiased, np.flatnonzero(share == 1), len(biased))
        parts["test"] = unbiased_part(unbiased, self.tested(share), len(biased))
        return parts

    def tested(self, share: Ints) -> Ints:
        """The test images that are tested on; ``share`` is 0 where an image is for training, 1 for validation, 2 for test."""
        return np.flatnonzero(share == 2)

    def _test_shares(self, cell: Ints) -> Ints:
        """For each test image 0 for training, 1 for validation, 2 for test."""
        rng = generator(0, "data", 2)
        rank = np.empty(len(cell))
        for c in np.unique(cell):
            members = rng.permutation(np.flatnonzero(cell == c))
            rank[members] = (np.arange(len(members)) + rng.random()) / len(members)
        share = np.empty(len(cell), dtype=np.int64)
        share[np.argsort(rank)] = np.searchsorted(np.cumsum(_SHARES[self.protocol]), (np.arange(len(cell)) + 0.5) / len(cell))
        return share


def unbiased_part(pool: Pool, rows: Ints, biased_images: int) -> Pool:
    """Some published test images as a part of their own; their sources are numbered after those of the training images."""
    x = pool.x.take(rows) if isinstance(pool.x, ImageFiles) else pool.x[:][rows]
    columns = {name: column[rows] for name, column in pool.columns.items()}
    return Pool(x, columns | {"source": biased_images + rows})


def joined(first: Samples, second: Samples) -> Samples:
    """Samples one after the other; image files stay files, which are decoded as they are written to the cache."""
    if isinstance(first, ImageFiles) and isinstance(second, ImageFiles):
        return replace(first, names=[*first.names, *second.names])
    return np.concatenate([first[:], second[:]])
