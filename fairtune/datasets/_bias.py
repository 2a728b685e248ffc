"""Datasets whose bias is drawn: every original in several versions, among which the options choose."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from fairtune.datasets._base import Dataset
from fairtune.datasets._cut import cells_of, drawn_by_source
from fairtune.datasets._pools import Info, Part, Pool
from fairtune.records import Bytes, Ints, Split
from fairtune.seeding import generator
from fairtune.space import Options, hyperparameter

NUM_CLASSES = 10
_UNBIASED_FRAC = 1 / 6
"""FFW takes 10,000 of the 60,000 MNIST digits."""


@dataclass(kw_only=True)
class DrawnBias(Dataset):
    """A bias that is drawn onto the images of an unbiased dataset, such as the colour of a digit's background.

    The bias attribute has one value per class; a sample is *aligned* if it shows the value of its class and *conflicting* if it
    shows another. A pool holds each original in every version, version after version: with one bias first all aligned, then all
    conflicting, each conflicting one with one value fixed at random; with two biases the four combinations. Columns
    ``conflict0`` (and ``conflict1``) hold the value that an original shows where it conflicts.

    ``train: biased`` is the usual training set. ``train: unbiased`` is a sixth of the originals without bias, which pruning
    methods train on (R. Nahon et al., "Debiasing Surgeon", ECCV 2024). Validation images show no bias: the attribute is spread
    evenly over its values, as in the test split; in the biased training set hardly any conflicting sample could be spared.

    ``protocol: fixed`` holds the share ``val_frac`` of the originals out for validation; ``protocol: official`` a sixth, as FFW's
    code does. There those originals are in the biased training set too, so that the net that is pruned knows what the pruned one
    is validated on; here they are not.
    """

    train: str = hyperparameter(
        "biased", Options(values=("biased", "unbiased")), help="the biased training set, or a small unbiased one"
    )
    protocol: str = hyperparameter("fixed", Options(values=("fixed", "official")), help="share held out: val_frac, or the authors'")

    @abstractmethod
    def aligned_shares(self) -> tuple[float, ...]:
        """Share of aligned samples in each class of the biased training set, for each bias."""

    def training_splits(self, pools: Mapping[Part, Pool], info: Info, train_fraction: float = 1.0) -> dict[str, Split]:
        """``train`` with or without bias, ``validation`` without, see the class.

        Raises:
            DataError: a class or group has no training sample, or a cell no validation sample.
        """
        pool = pools["train"]
        rng = generator(self.seed, "data", 1)
        originals = np.arange(len(np.unique(pool.columns["source"])))
        held_out = self._share(pool, originals, _UNBIASED_FRAC if self.protocol == "official" else self.val_frac, rng)
        shown = np.setdiff1d(originals, held_out)
        unbiased = (1 / NUM_CLASSES,) * len(self.aligned_shares())
        if self.train == "unbiased":
            shown = self._share(pool, shown, min(1, _UNBIASED_FRAC * len(originals) / len(shown)), rng)
        shares = unbiased if self.train == "unbiased" else self.aligned_shares()
        rows = choose_versions(pool, shown, shares, rng)
        validation = self.split(pool, choose_versions(pool, held_out, unbiased, rng), info)
        return self.checked_splits(pool, rows, validation, info, train_fraction, rng)

    def proportions(self, pool: Pool) -> tuple[Ints, ...]:
        """Which biases a sample contradicts, then its cell."""
        return (self.conflicts(pool), *self.labels(pool))

    def conflicts(self, pool: Pool) -> Ints:
        """0 where a sample is aligned, 1 where it conflicts; with two biases as a number of two binary digits."""
        conflicts: Ints = (pool.columns["a"] != pool.columns["y"]).astype(np.int64)
        return conflicts

    def _share(self, pool: Pool, originals: Ints, share: float, rng: np.random.Generator) -> Ints:
        """A share of some originals, alike of every class and value that they conflict with."""
        y, value = (pool.columns[name][originals] for name in ("y", "conflict0"))
        return originals[drawn_by_source(originals, cells_of(y, value), share, rng)]


def choose_versions(pool: Pool, originals: Ints, aligned_shares: tuple[float, ...], rng: np.random.Generator) -> Ints:
    """One version of each original.

    Of the n samples of a class ``int(n * share)`` are aligned, the others spread evenly over the conflicting values. A second bias
    is drawn in the same way within the aligned and within the conflicting samples of the first, so that the two are independent.

    Args:
        pool: see :class:`DrawnBias`.
        originals: which originals.
        aligned_shares: of each bias.
        rng: draws which samples conflict.

    Returns:
        Rows of the pool, in the order of ``originals``.
    """
    y = pool.columns["y"][originals]
    version = np.zeros_like(originals)
    for bias, share in enumerate(aligned_shares):
        value = pool.columns[f"conflict{bias}"][originals]
        cell = y * 2 ** len(aligned_shares) + version
        for c in np.unique(cell):
            members = np.flatnonzero(cell == c)
            aligned = int(len(members) * share + 1e-9)
            spread = evenly(value[members], rng)
            version[members[spread[: len(members) - aligned]]] += 2**bias
    rows: Ints = originals + version * (len(pool) // 2 ** len(aligned_shares))
    return rows


def evenly(value: Ints, rng: np.random.Generator) -> Ints:
    """Positions in a random order of which every beginning holds equally many of each value, as far as it can."""
    shuffled = rng.permutation(len(value))
    turn = np.empty(len(value), dtype=np.int64)
    for v in np.unique(value):
        members = shuffled[value[shuffled] == v]
        turn[members] = np.arange(len(members))
    order: Ints = shuffled[np.argsort(turn[shuffled], kind="stable")]
    return order


def conflicting_values(y: Ints, rng: np.random.Generator) -> Ints:
    """A value other than that of its class for every original, spread evenly within each class."""
    value = np.empty_like(y)
    for label in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == label))
        value[members] = (label + 1 + np.arange(len(members)) % (NUM_CLASSES - 1)) % NUM_CLASSES
    return value


def unbiased_values(y: Ints, rng: np.random.Generator, first: int = 0) -> Ints:
    """A value for every original, spread evenly over all of them within each class.

    Args:
        y: labels.
        rng: draws which original gets which value.
        first: where they cannot be equally many, this value and those after it get one more.
    """
    value = np.empty_like(y)
    for label in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == label))
        value[members] = (first + np.arange(len(members))) % NUM_CLASSES
    return value


@dataclass(frozen=True)
class Drawn:
    """Images that are drawn slice by slice, when they are written to the cache.

    Attributes:
        shape: ``(N, H, W, 3)``.
        draw: the images of some consecutive rows.
    """

    shape: tuple[int, ...]
    draw: Callable[[slice], Bytes]

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """Always uint8."""
        return np.dtype(np.uint8)

    def __getitem__(self, rows: slice, /) -> Bytes:
        """The images of consecutive rows."""
        return self.draw(rows)
