"""What a dataset is: decoded once into pools, cut into splits by cheap rules."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from fairtune.errors import DataError
from fairtune.records import Ints, Split
from fairtune.seeding import generator
from fairtune.space import Real, Value, declared, hyperparameter

Part = Literal["train", "test"]


@dataclass(frozen=True, kw_only=True)
class Info:
    """What is known of a dataset before any file is read.

    Attributes:
        classes: name of each label.
        groups: name of each group.
        shape: of one input, ``(C, H, W)`` or ``(F,)``.
        augment: transforms drawn anew for every training batch.
        balanced_test: whether each class of the test split holds equally many samples of every group; if so, validation
            accuracy is weighted by cell to estimate the same quantity.
        model: default architecture.
        epochs: default length of training.
        batch_size: default batch size.
        licence: of the data.
        citation: whom to cite.
        obtain: how to get the files.
    """

    classes: tuple[str, ...]
    groups: tuple[str, ...]
    shape: tuple[int, ...]
    augment: tuple[Literal["flip"], ...] = ()
    balanced_test: bool
    model: str
    epochs: int
    batch_size: int = 128
    licence: str
    citation: str
    obtain: str


class Pool(NamedTuple):
    """Decoded images of one part with what the splitting rules need.

    Attributes:
        x: ``(N, H, W, C)`` uint8, or ``(N, F)`` float32.
        y: label of each row ``(N,)``.
        a: group that each row would be in ``(N,)``.
        source: original image of each row ``(N,)``.
    """

    x: npt.NDArray[Any]
    y: Ints
    a: Ints
    source: Ints


@dataclass(kw_only=True)
class Dataset:
    """A source of labelled, grouped samples in disjoint train, validation and test splits.

    A subclass is a dataclass whose options are fields made by :func:`fairtune.space.hyperparameter`.

    Args:
        seed: decides which samples are held out for validation and, for synthetic biases, which are skewed.
    """

    info: ClassVar[Info]
    cache_key: ClassVar[str]
    """Names the decoded pools; datasets that decode the same files alike share it. Change it when decoding changes."""

    seed: int = 0
    val_frac: float = hyperparameter(0.1, Real(low=0.01, high=0.9), help="share of the training set held out for validation")

    @classmethod
    def complete(cls, given: dict[str, Value]) -> dict[str, Value]:
        """The options with defaults filled in."""
        return {"seed": given.get("seed", 0)} | {name: given.get(name, option.default) for name, option in declared(cls).items()}

    @abstractmethod
    def check(self, root: Path) -> None:
        """Check cheaply that the files are there and whole.

        Raises:
            DataError: which file, what is wrong with it, and how to get it.
        """

    @abstractmethod
    def decode(self, root: Path) -> dict[Part, Pool]:
        """Read and decode all files; done once, then cached."""

    @abstractmethod
    def training_rows(self, pool: Pool) -> Ints:
        """Rows of the training pool that form the training set, validation included."""

    def test_rows(self, pool: Pool) -> Ints:
        """Rows of the test pool that form the test set: all of them."""
        return np.arange(len(pool.y))

    def training_splits(self, pool: Pool, train_fraction: float = 1.0) -> dict[str, Split]:
        """Cut the training set into ``train`` and ``validation``, stratified by cell and disjoint by source image.

        Args:
            pool: the decoded training part.
            train_fraction: share of ``train`` to keep, stratified by cell; validation stays whole.

        Raises:
            DataError: a class or group has no training sample, or a cell no validation sample.
        """
        rows = self.training_rows(pool)
        everything = Split(pool.x, rows, pool.y[rows], pool.a[rows], pool.source[rows])
        rng = generator(self.seed, "data", 1)
        validation = self._stratified(everything, self.val_frac, rng)
        train = everything.take(np.setdiff1d(np.arange(len(everything)), validation))
        if train_fraction < 1:
            train = train.take(self._stratified(train, train_fraction, rng))
        splits = {"train": train, "validation": everything.take(validation)}
        self._check_counts(splits)
        return splits

    def test_split(self, pool: Pool) -> Split:
        """The test split; only the confirmation of a search may ask for it."""
        rows = self.test_rows(pool)
        return Split(pool.x, rows, pool.y[rows], pool.a[rows], pool.source[rows])

    def _stratified(self, split: Split, share: float, rng: np.random.Generator) -> Ints:
        cell = split.a * len(self.info.classes) + split.y
        chosen = []
        for c in np.unique(cell):
            members = rng.permutation(np.flatnonzero(cell == c))
            chosen.append(members[: max(1, round(share * len(members)))])
        return np.sort(np.concatenate(chosen))

    def _check_counts(self, splits: dict[str, Split]) -> None:
        info = self.info
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
