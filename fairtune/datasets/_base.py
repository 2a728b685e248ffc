"""What a dataset is: decoded once into pools, cut into splits by cheap rules."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from fairtune.datasets._counts import check_counts, check_test
from fairtune.datasets._cut import Mask, cells_of, drawn_by_source, thinned
from fairtune.datasets._decoding import Reading
from fairtune.datasets._pools import Content, Info, Part, Pool, Published
from fairtune.datasets._twins import joined_sources
from fairtune.plugins import Pluggable
from fairtune.records import Ints, Split
from fairtune.seeding import generator
from fairtune.space import Real, Value, hyperparameter


@dataclass(kw_only=True)
class Dataset(Pluggable):
    """A source of labelled, grouped samples in disjoint train, validation and test splits.

    A subclass is a dataclass whose options are fields made by :func:`fairtune.space.hyperparameter`. Options that choose among the
    columns of a pool (target, group, skew) cost nothing; those that change the pixels, or which samples are in the test part,
    belong in :meth:`content`.

    Args:
        seed: decides which samples are held out for validation and, for synthetic biases, which are skewed.
    """

    kind: ClassVar = "dataset"
    cache_name: ClassVar[str]
    """Names the decoded pools; datasets that decode the same files alike share it. Change it when decoding changes."""
    obtain: ClassVar[str]
    """How to get the files."""
    may_be_shown: ClassVar[bool] = True
    """Whether the licence allows pictures to be passed on, in the page of an inspection say."""
    tells_values: ClassVar[tuple[str, ...]] = ()
    """The options that say what the values of an image mean: whoever predicts others may say it anew of those."""

    seed: int = 0
    val_frac: float = hyperparameter(0.1, Real(low=0.01, high=0.9), help="share of the training set held out for validation")

    @classmethod
    def complete(cls, given: Mapping[str, Value], root: Path | None = None) -> dict[str, Value]:
        """The options with defaults filled in.

        Args:
            given: what the user said.
            root: folder of the original files, where a default depends on which of them are there.

        Raises:
            InvalidInput: as of every plug-in.
        """
        options = {name: value for name, value in given.items() if name != "seed"}
        return {"seed": given.get("seed", 0)} | super().complete(options)

    @classmethod
    def facts(cls) -> dict[str, str]:
        """Also how to get the files."""
        return super().facts() | {"obtain": cls.obtain}

    @abstractmethod
    def describe(self, root: Path) -> Info:
        """Classes, groups, shape and defaults under these options; cheap, and before anything is decoded.

        Args:
            root: folder of the original files; read only where they say what the classes or groups are.

        Raises:
            InvalidInput: an option names something that does not exist.
            DataError: a file that has to be read is missing or damaged.
        """

    def published(self) -> Published | None:
        """What is known under these options without the files, for plans; None where nothing is."""
        return None

    @abstractmethod
    def check(self, root: Path) -> None:
        """Check cheaply that the files are there and whole.

        Raises:
            DataError: which file, what is wrong with it, and how to get it.
        """

    def remarks(self, root: Path) -> list[str]:
        """What a user should know of the files that is no fault, such as files that are not used; one sentence each."""
        return []

    def content(self, root: Path) -> Content:
        """What the decoded pools depend on beside :attr:`cache_name`; nothing where the files are known by their checksums."""
        return Content()

    @abstractmethod
    def decode(self, root: Path) -> dict[Part, Pool]:
        """Read all files; done once, then cached. ``x`` of a pool may be decoded slice by slice as it is written.

        The parts are ``train``, ``test`` and, where the authors hold one out, ``validation``.
        """

    def reading(self, shape: tuple[int, ...]) -> Reading:
        """How an image from outside becomes what is stored, under these options; nothing is read for it.

        Args:
            shape: of what a net sees, ``(C, H, W)``. That is the size unless images are stored larger.
        """
        return Reading((shape[1], shape[2]))

    def training_parts(self) -> tuple[Part, ...]:
        """The parts that :meth:`training_splits` wants: ``train``, and ``validation`` if it is not cut from ``train``."""
        return ("train",)

    def labels(self, pool: Pool) -> tuple[Ints, Ints]:
        """Label and group of every row of a pool under these options: its columns ``y`` and ``a``."""
        return pool.columns["y"], pool.columns["a"]

    def attribute_vectors(self, pool: Pool) -> npt.NDArray[np.float32] | None:
        """The sensitive attribute of every row as a vector ``(N, E)``, where there is one finer than the groups."""
        return None

    def training_rows(self, pool: Pool) -> Ints:
        """Rows of the training part that form the training set, validation included if it is cut from it: all of them."""
        return np.arange(len(pool))

    def validation_rows(self, pool: Pool) -> Ints:
        """Rows of the validation part that form the validation set: all of them."""
        return np.arange(len(pool))

    def spread(self, pool: Pool) -> tuple[Ints, npt.NDArray[np.generic] | None]:
        """Over what the held-out sources are spread: the cells.

        What validates under some options must do so under all, or a teacher knows what judges its student. Where options decide
        which version of an original is shown or from where on a sample counts to a group, name a stratum and an order that they
        do not change, such as the class and the place in which originals are skewed.

        Args:
            pool: the training part.

        Returns:
            Stratum of each row, from 0, and the order that decides its cell within it, if any: see
            :func:`fairtune.datasets._cut.drawn_by_source`.
        """
        return cells_of(*self.labels(pool)), None

    def held_out(self, pool: Pool, rng: np.random.Generator) -> Mask:
        """Which rows of the training part are held out for validation: those of the share ``val_frac`` of the sources.

        Sources that share an image count as one.

        Args:
            pool: the training part.
            rng: draws them.
        """
        stratum, order = self.spread(pool)
        source = joined_sources(pool.columns["source"], pool.twins, "train")
        return drawn_by_source(source, stratum, self.val_frac, rng, order)

    def proportions(self, pool: Pool) -> tuple[Ints, ...]:
        """What tells the rows of the training part apart, from coarse to fine, in shares that a fraction of it keeps: the cells."""
        return self.labels(pool)

    def numbering(self) -> object:
        """What the sources are numbers of: two sets of options number them alike where this is equal."""
        return ()

    def test_rows(self, pool: Pool) -> Ints:
        """Rows of the test part that form the test set: all of them."""
        return np.arange(len(pool))

    def split(self, pool: Pool, rows: Ints, info: Info) -> Split:
        """The samples of some rows of a pool; ``info`` of this dataset says how many groups and classes there are."""
        y, a = self.labels(pool)
        attribute = self.attribute_vectors(pool)
        return Split(
            pool.x,  # type: ignore[arg-type]  # a pool from the cache holds an array; others say what is in a split, no more
            rows,
            y[rows],
            a[rows],
            pool.columns["source"][rows],
            num_groups=len(info.groups),
            num_classes=len(info.classes),
            attribute=None if attribute is None else attribute[rows],
        )

    def training_splits(self, pools: Mapping[Part, Pool], info: Info, train_fraction: float = 1.0) -> dict[str, Split]:
        """``train`` and ``validation``, disjoint by source.

        Where there is no validation part, sources are :meth:`held_out` of the training part, and with them all versions of them.

        Args:
            pools: the decoded :meth:`training_parts`.
            info: of this dataset.
            train_fraction: share of ``train`` to keep; of every cell, to within one sample. Validation stays whole.

        Raises:
            DataError: a class or group has no training sample, or a cell no validation sample.
        """
        rng = generator(self.seed, "data", 1)
        pool = pools["train"]
        rows = self.training_rows(pool)
        if "validation" in pools:
            validation = self.split(pools["validation"], self.validation_rows(pools["validation"]), info)
        else:
            held_out = self.held_out(pool, rng)[rows]
            validation, rows = self.split(pool, rows[held_out], info), rows[~held_out]
        return self.checked_splits(pool, rows, validation, info, train_fraction, rng)

    def checked_splits(
        self, pool: Pool, rows: Ints, validation: Split, info: Info, train_fraction: float, rng: np.random.Generator
    ) -> dict[str, Split]:
        """The splits, ``train`` cut down to a fraction in the :meth:`proportions` of the whole.

        Args:
            pool: what ``train`` is taken from.
            rows: of the pool, those of ``train``.
            validation: the other split.
            info: of this dataset.
            train_fraction: share of ``train`` to keep.
            rng: draws them.

        Raises:
            DataError: as :meth:`training_splits`.
        """
        if train_fraction < 1:
            rows = rows[thinned([column[rows] for column in self.proportions(pool)], train_fraction, rng)]
        splits = {"train": self.split(pool, rows, info), "validation": validation}
        check_counts(splits, info)
        return splits

    def check_test(self, pool: Pool, info: Info) -> None:
        """Check that the test split has samples of every group in every class; its inputs are not read.

        Args:
            pool: the test part.
            info: of this dataset.

        Raises:
            DataError: the label has one value only, or some cells are empty; they are named.
        """
        rows = self.test_rows(pool)
        y, a = self.labels(pool)
        check_test(y[rows], a[rows], info)

    def test_split(self, pool: Pool, info: Info) -> Split:
        """The test split of a pool that :func:`fairtune.datasets.open_part` gives for the confirmation of a search only."""
        return self.split(pool, self.test_rows(pool), info)
