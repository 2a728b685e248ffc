"""What a dataset is: decoded once into pools, cut into splits by cheap rules."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from fairtune.errors import DataError
from fairtune.records import Ints, Split
from fairtune.seeding import generator
from fairtune.space import Real, Value, declared, hyperparameter
from fairtune.transforms import Normalise, Transform

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
        normalise: applied last, in training and in evaluation.
        balanced_test: whether each class of the test split holds equally many samples of every group, to within one; if so,
            validation accuracy is weighted by cell to estimate the same quantity.
        model: default architecture.
        epochs: default length of training.
        batch_size: default batch size.
        class_balance: beta of the effective-number class weights that the cross-entropy is trained with
            (:func:`fairtune.sampling.effective_number_weights`); None weighs all classes alike.
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


class Samples(Protocol):
    """Inputs that are read slice by slice: an array, or files decoded when asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(N, H, W, C)`` or ``(N, F)``."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 for images, float32 for vectors."""
        ...

    def __getitem__(self, rows: slice, /) -> npt.NDArray[Any]:
        """The samples of consecutive rows."""
        ...


@dataclass(frozen=True)
class Pool:
    """One part of a dataset: every input once, with all that is known of it.

    Attributes:
        x: ``(N, H, W, C)`` uint8, or ``(N, F)`` float32; memory-mapped once it comes from the cache.
        columns: arrays of N rows by name: labels, attributes, patients, whatever the options choose among. ``source`` (int64) is
            always there: samples of one source (an original image, a patient) never fall into different splits.
    """

    x: Samples
    columns: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

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
class Dataset:
    """A source of labelled, grouped samples in disjoint train, validation and test splits.

    A subclass is a dataclass whose options are fields made by :func:`fairtune.space.hyperparameter`. Options that choose among the
    columns of a pool (target, group, skew) cost nothing; those that change the pixels, or which samples are in the test part,
    belong in :meth:`content`.

    Args:
        seed: decides which samples are held out for validation and, for synthetic biases, which are skewed.
    """

    cache_name: ClassVar[str]
    """Names the decoded pools; datasets that decode the same files alike share it. Change it when decoding changes."""
    licence: ClassVar[str]
    """Of the data."""
    citation: ClassVar[str]
    """Whom to cite."""
    obtain: ClassVar[str]
    """How to get the files."""

    seed: int = 0
    val_frac: float = hyperparameter(0.1, Real(low=0.01, high=0.9), help="share of the training set held out for validation")

    @classmethod
    def complete(cls, given: dict[str, Value], root: Path | None = None) -> dict[str, Value]:
        """The options with defaults filled in.

        Args:
            given: what the user said.
            root: folder of the original files, where a default depends on which of them are there.
        """
        return {"seed": given.get("seed", 0)} | {name: given.get(name, option.default) for name, option in declared(cls).items()}

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

    def held_out(self, pool: Pool, training: Split, rng: np.random.Generator) -> Ints:
        """Positions in the training set of what is held out for validation: the share ``val_frac`` of every cell.

        Args:
            pool: the training part.
            training: the samples of its :meth:`training_rows`.
            rng: draws them.
        """
        return stratified(training, self.val_frac, rng)

    def test_rows(self, pool: Pool) -> Ints:
        """Rows of the test part that form the test set: all of them."""
        return np.arange(len(pool))

    def split(self, pool: Pool, rows: Ints) -> Split:
        """The samples of some rows."""
        y, a = self.labels(pool)
        attribute = self.attribute_vectors(pool)
        source = pool.columns["source"][rows]
        return Split(pool.x, rows, y[rows], a[rows], source, None if attribute is None else attribute[rows])  # type: ignore[arg-type]

    def training_splits(self, pools: Mapping[Part, Pool], info: Info, train_fraction: float = 1.0) -> dict[str, Split]:
        """``train`` and ``validation``, disjoint by source.

        Where there is no validation part, the share ``val_frac`` of the training set is held out, stratified by cell.

        Args:
            pools: the decoded :meth:`training_parts`.
            info: of this dataset.
            train_fraction: share of ``train`` to keep, stratified by cell; validation stays whole.

        Raises:
            DataError: a class or group has no training sample, or a cell no validation sample.
        """
        rng = generator(self.seed, "data", 1)
        train = self.split(pools["train"], self.training_rows(pools["train"]))
        if "validation" in pools:
            validation = self.split(pools["validation"], self.validation_rows(pools["validation"]))
        else:
            held_out = self.held_out(pools["train"], train, rng)
            validation, train = train.take(held_out), train.take(np.setdiff1d(np.arange(len(train)), held_out))
        if train_fraction < 1:
            train = train.take(stratified(train, train_fraction, rng))
        splits = {"train": train, "validation": validation}
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

    def test_split(self, pool: Pool) -> Split:
        """The test split; only the confirmation of a search may ask for it."""
        return self.split(pool, self.test_rows(pool))


def stratified(split: Split, share: float, rng: np.random.Generator) -> Ints:
    """Positions of a share of a split: of every cell alike, at least one sample, and never a part of what has one source.

    A source with samples of several cells counts to the rarest of them.

    Returns:
        Positions in ascending order.
    """
    _, first, unit = np.unique(split.source, return_index=True, return_inverse=True)
    cell = split.a * (int(split.y.max(initial=0)) + 1) + split.y
    rarity = np.bincount(cell)[cell]
    order = np.lexsort((rarity, unit))
    starts = np.flatnonzero(np.diff(unit[order], prepend=-1))
    home = cell[order[starts]]
    by_first = np.argsort(first)
    chosen = np.zeros(len(first), dtype=bool)
    for c in np.unique(home):
        members = rng.permutation(by_first[home[by_first] == c])
        chosen[members[: max(1, round(share * len(members)))]] = True
    return np.flatnonzero(chosen[unit])


def equal_cells(y: Ints, a: Ints, rng: np.random.Generator | None = None) -> Ints:
    """Positions of as many samples of every cell as the smallest one has, in ascending order.

    Args:
        y: labels.
        a: groups.
        rng: draws them; None takes the first ones.
    """
    cell = a * (int(y.max(initial=0)) + 1) + y
    members = [np.flatnonzero(cell == c) for c in np.unique(cell)]
    smallest = min(map(len, members), default=0)
    kept = [(m if rng is None else rng.permutation(m))[:smallest] for m in members]
    return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *kept]))


def check_test(y: Ints, a: Ints, info: Info) -> None:
    """Check, before anything is decoded, that what will be the test split has samples of every group in every class.

    Raises:
        DataError: the label has one value only, or some cells are empty; they are named.
    """
    cells = np.bincount(a * len(info.classes) + y, minlength=len(info.groups) * len(info.classes))
    counts = cells.reshape(len(info.groups), len(info.classes))
    present = np.flatnonzero(counts.sum(axis=0))
    if len(present) < 2:
        seen = f"all {len(y)} are {info.classes[present[0]]!r}" if len(present) else "there are no samples"
        raise DataError(f"the label has fewer than two values in the test split: {seen}; choose another target")
    if empty := [f"({info.classes[y]}, {info.groups[a]})" for a, y in np.argwhere(counts == 0)]:
        raise DataError(
            f"no test samples in {len(empty)} of {counts.size} cells: {', '.join(empty[:6])}"
            f"{' and others' if len(empty) > 6 else ''}; choose another target, attribute or binning"
        )


def check_counts(splits: Mapping[str, Split], info: Info) -> None:
    """Check that ``train`` and ``validation`` hold what training and scoring need.

    Raises:
        DataError: a class or group has no training sample, or a cell no validation sample.
    """
    counts = splits["train"].cells(len(info.groups), len(info.classes))
    missing = [f"class {info.classes[y]!r}" for y in np.flatnonzero(counts.sum(axis=0) == 0)]
    missing += [f"group {info.groups[a]!r}" for a in np.flatnonzero(counts.sum(axis=1) == 0)]
    if missing:
        raise DataError(f"no training samples of {', '.join(missing)}: a fair model cannot be trained without them")
    held_out = splits["validation"].cells(len(info.groups), len(info.classes))
    empty = [f"({info.classes[y]}, {info.groups[a]})" for a, y in np.argwhere(held_out == 0)]
    if empty:
        raise DataError(
            f"no validation samples in {len(empty)} of {held_out.size} cells "
            f"({', '.join(empty[:6])}{' and others' if len(empty) > 6 else ''}): "
            "DEO compares the groups within every class; use data, or a skew, with samples of both groups in each class"
        )
