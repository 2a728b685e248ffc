"""A recorded table in memory: the group counts of every training, and the scores that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.search_efficiency.grids import Recorded, Replicate, Setting
from benchmarks.search_efficiency.record import training_file
from fairtune.datasets import Dataset
from fairtune.metrics import accuracy, deo_m
from fairtune.records import Array, Floats, GroupCounts, Ints

FLOOR_BELOW_BASELINE = 0.01
"""How far below the baseline's accuracy a setting is still feasible: the default of ``--accuracy-floor``."""


class Tables(NamedTuple):
    """Group counts of many nets: hard counts and summed probabilities, ``(..., A, K, K)``; zeros where a training diverged."""

    hard: Array
    soft: Array

    def at(self, *index: int) -> GroupCounts:
        """Those of one net."""
        return GroupCounts(self.hard[index].astype(np.int64), self.soft[index].astype(np.float64))


def pooled(counts: Iterable[GroupCounts]) -> GroupCounts:
    """The counts of several nets together."""
    several = list(counts)
    hard: Ints = np.sum([one.hard for one in several], axis=0)
    soft: Floats = np.sum([one.soft for one in several], axis=0)
    return GroupCounts(hard, soft)


class Table:
    """All settings of a dataset in the replicates that are recorded whole.

    Args:
        settings: S of them, the baseline first.
        replicates: R of them.
        val: after each epoch, on the validation split of the replicate ``(S, R, E, A, K, K)``.
        test: of the last weights on the test split ``(S, R, A, K, K)``.
        averaged: as the last epoch of ``val``, but of the mean of the last weights ``(S, R, A, K, K)``.
        epochs: how many each training reached ``(S, R)``; fewer than E where it diverged.
    """

    def __init__(
        self,
        settings: Sequence[Setting],
        replicates: Sequence[Replicate],
        *,
        val: Tables,
        test: Tables,
        averaged: Tables,
        epochs: Ints,
    ) -> None:
        self.settings = list(settings)
        self.replicates = list(replicates)
        self.val, self.test, self.averaged, self.epochs = val, test, averaged, epochs
        self._number = {_key(setting): number for number, setting in enumerate(self.settings)}

    @property
    def length(self) -> int:
        """E, the epochs of a training."""
        return int(self.val.hard.shape[2])

    def number(self, setting: Setting) -> int:
        """Which of the settings one is."""
        return self._number[_key(setting)]

    def last(self, setting: int, replicate: int) -> GroupCounts:
        """On the validation split, when it has ended."""
        return self.val.at(setting, replicate, self.length - 1)

    def ended(self, setting: int, replicate: int) -> bool:
        """Whether a training reached its end."""
        return bool(self.epochs[setting, replicate] == self.length)

    @cached_property
    def test_deo_m(self) -> Floats:
        """Of every training ``(S, R)``; NaN where it diverged."""
        return self._on_test(deo_m)

    @cached_property
    def test_accuracy(self) -> Floats:
        """Of every training ``(S, R)``; NaN where it diverged."""
        return self._on_test(accuracy)

    def without(self, values: Floats, left_out: Sequence[int]) -> Floats:
        """The mean of each setting's values over the replicates that are not left out ``(S,)``; NaN where one has none."""
        kept = [replicate for replicate in range(len(self.replicates)) if replicate not in left_out]
        mean: Floats = values[:, kept].mean(axis=1)
        return mean

    def _on_test(self, score: object) -> Floats:
        assert callable(score)
        shape = self.epochs.shape
        return np.array([[score(self.test.at(s, r)) for r in range(shape[1])] for s in range(shape[0])])


def read(recorded: Recorded, folder: Path, root: Path) -> Table:
    """The replicates of a table that are there for every setting.

    Raises:
        SystemExit: there is none yet.
    """
    settings = recorded.settings()
    files = {
        replicate: [training_file(folder, recorded.training(setting, replicate, root)) for setting in settings]
        for replicate in recorded.replicates()
    }
    whole = [replicate for replicate, of_settings in files.items() if all(file.exists() for file in of_settings)]
    if not whole:
        raise SystemExit(f"{folder} has no replicate of all {len(settings)} settings yet: go on with record")
    search = recorded.search(0, root)
    info = Dataset.load(recorded.dataset).build(**search.dataset.options).describe(root)
    shape = (search.epochs, len(info.groups), len(info.classes), len(info.classes))
    columns = [[_read(file, shape) for file in files[replicate]] for replicate in whole]

    def stacked(name: str) -> Array:
        return np.stack([np.stack([found[name] for found in column]) for column in columns], axis=1)

    def tables(name: str) -> Tables:
        return Tables(stacked(f"{name}_hard"), stacked(f"{name}_soft"))

    reached = stacked("reached")
    return Table(settings, whole, val=tables("epochs"), test=tables("test"), averaged=tables("averaged"), epochs=reached)


def _read(file: Path, shape: tuple[int, int, int, int]) -> dict[str, Array]:
    """A training's arrays, of equal shape ``(E, A, K, K)`` whether or not it diverged, in its first epoch even."""
    with np.load(file) as stored:
        arrays = dict(stored)
    reached = len(arrays["epochs_hard"])
    for kind in ("hard", "soft"):
        every = np.zeros(shape, arrays[f"epochs_{kind}"].dtype)
        if reached:
            every[:reached] = arrays[f"epochs_{kind}"]
        arrays[f"epochs_{kind}"] = every
        for name in ("test", "averaged"):
            arrays[f"{name}_{kind}"] = arrays.get(f"{name}_{kind}", np.zeros((1, *shape[1:]), every.dtype))[0]
    return arrays | {"reached": np.array(reached)}


def _key(setting: Setting) -> tuple[object, ...]:
    return setting.method, *sorted(setting.values.items())
