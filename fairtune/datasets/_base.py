"""What a dataset is: decoded once into pools, cut into splits by cheap rules."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from fairtune.batches.transforms import Normalise, Transform
from fairtune.datasets._cut import Mask, cells_of, drawn_by_source, thinned
from fairtune.errors import DataError
from fairtune.names import Names
from fairtune.plugins import Pluggable
from fairtune.records import Array, Ints, Split
from fairtune.seeding import generator
from fairtune.space import Real, Value, hyperparameter

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True, kw_only=True)
class Info:
    """What a dataset with its options is.

    Attributes:
        classes: name of each label.
        groups: name of each group.
        shape: of what a net sees, ``(C, H, W)`` or ``(F,)``. Images may be stored larger: training crops them, evaluation
            resizes them.
        augment: transforms drawn anew for every training batch, in this order.
        normalise: what a net standardises images by whose weights don't say, in training and in evaluation.
        balanced_test: whether each class of the test split holds equally many samples of every group, to within one; if so,
            validation accuracy is weighted by cell to estimate the same quantity.
        model: default architecture.
        epochs: default length of training.
        batch_size: default batch size.
        class_balance: beta of the effective-number class weights that the cross-entropy is trained with
            (:func:`fairtune.batches.sampling.effective_number_weights`); None weighs all classes alike.
    """

    classes: tuple[str, ...]
    groups: tuple[str, ...]
    shape: tuple[int, ...]
    augment: tuple[Transform, ...] = ()
    normalise: Normalise | None = None
    balanced_test: bool
    model: str
    epochs: int
    batch_size: int = 128
    class_balance: float | None = None

    @property
    def names(self) -> Names:
        """Of classes and groups, in sentences."""
        return Names(self.classes, self.groups)


class Samples(Protocol):
    """Inputs that are read slice by slice: an array, or files decoded when asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(N, H, W, C)`` or ``(N, F)``."""
        ...

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """uint8 for images, float32 for vectors."""
        ...

    def __getitem__(self, rows: slice, /) -> Array:
        """The samples of consecutive rows."""
        ...


@dataclass(frozen=True)
class Pool:
    """One part of a dataset: every input once, with all that is known of it.

    Attributes:
        x: ``(N, H, W, C)`` uint8, or ``(N, F)`` float32; memory-mapped once it comes from the cache.
        columns: arrays of N rows by name: labels, attributes, patients, whatever the options choose among. ``source`` (int64) is
            always there: samples of one source (an original image, a patient) never fall into different splits. Numbers are those
            of the whole dataset: a part has none of another's.
    """

    x: Samples
    columns: Mapping[str, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.x.shape[0])


class Content(NamedTuple):
    """What decoded pools depend on.

    Attributes:
        options: those that change the pixels or what is in the test part, as JSON would hold them.
        files: every file that is read to make the pools, relative to the folder of the original ones.
    """

    options: tuple[object, ...] = ()
    files: Sequence[str] = ()


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

        Args:
            pool: the training part.
            rng: draws them.
        """
        stratum, order = self.spread(pool)
        return drawn_by_source(pool.columns["source"], stratum, self.val_frac, rng, order)

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


def check_test(y: Ints, a: Ints, info: Info) -> None:
    """Check, before anything is decoded, that what will be the test split has samples of every group in every class.

    Raises:
        DataError: the label has one value only, or some cells are empty; they are named.
    """
    cells = np.bincount(a * len(info.classes) + y, minlength=len(info.groups) * len(info.classes))
    counts = cells.reshape(len(info.groups), len(info.classes))
    present = np.flatnonzero(counts.sum(axis=0))
    if len(present) < 2:
        seen = f"all {len(y)} are of {info.names.label(int(present[0]))}" if len(present) else "there are no samples"
        raise DataError(f"the label has fewer than two values in the test split: {seen}; choose another target")
    if (counts == 0).any():
        raise DataError(
            f"no test samples in {(counts == 0).sum()} of {counts.size} cells: {_named(counts == 0, info)}; "
            "choose another target, attribute or binning"
        )


def check_counts(splits: Mapping[str, Split], info: Info) -> None:
    """Check that ``train`` and ``validation`` hold what training and scoring need.

    Raises:
        DataError: a class or group has no training sample, or a cell no validation sample.
    """
    counts = splits["train"].cells
    missing = [info.names.label(int(y)) for y in np.flatnonzero(counts.sum(axis=0) == 0)]
    missing += [info.names.group(int(a)) for a in np.flatnonzero(counts.sum(axis=1) == 0)]
    if missing:
        raise DataError(f"no training samples of {', '.join(missing)}: a fair model cannot be trained without them")
    held_out = splits["validation"].cells
    if (held_out == 0).any():
        raise DataError(
            f"no validation samples in {(held_out == 0).sum()} of {held_out.size} cells: {_named(held_out == 0, info)}. "
            "DEO compares the groups within every class; use data, or a skew, with samples of both groups in each class, "
            "or hold more out with val_frac"
        )


def lost_cells(whole: Split, kept: Split, info: Info) -> list[str]:
    """What a user should know of a fraction of a training set: one sentence if cells have vanished from it."""
    before, after = (split.cells > 0 for split in (whole, kept))
    lost = before & ~after
    told = f"the fraction has no training samples in {lost.sum()} of {before.sum()} cells: {_named(lost, info)}"
    return [told] if lost.any() else []


def _named(cells: npt.NDArray[np.bool_], info: Info) -> str:
    """The first of some cells ``(A, K)``."""
    return info.names.cells((int(y), int(a)) for a, y in np.argwhere(cells))
