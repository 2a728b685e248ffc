"""What a search has reached: the volume under its front, and what its choice is worth on the test split."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from benchmarks.search_efficiency.replay import OBJECTIVES, Scores, Trained
from benchmarks.search_efficiency.table import FLOOR_BELOW_BASELINE, Table
from fairtune.metrics import SCORES, hypervolume
from fairtune.records import Floats
from fairtune.rules import Rule, front

Point = tuple[float, float]
_MARGIN = 0.01
"""Below the floor, so that a setting that just reaches it covers something."""


class Truth:
    """What settings are worth, by the test scores of trainings that no search on this replicate sees.

    The replicates on the searched split and on the next one are left to the search (the second for racing); the truth is the mean
    over those of all other splits. The best setting is chosen by the trainings left to the search, so that it is not simply the
    one with the luckiest truth.

    Attributes:
        deo_m, accuracy: of each setting ``(S,)``, the baseline first.
        floor: the accuracy that a feasible setting has.
        best: the best feasible setting's DEO_M.
        left: the replicates that a search may see, the searched one first.
    """

    def __init__(self, table: Table, replicate: int) -> None:
        splits = sorted({found.split for found in table.replicates})
        own = table.replicates[replicate].split
        seen = {own, splits[(splits.index(own) + 1) % len(splits)]}
        self._own = [number for number, found in enumerate(table.replicates) if found.split == own and number != replicate]
        self._next = [number for number, found in enumerate(table.replicates) if found.split in seen - {own}]
        self._replicate = replicate
        self.left = [replicate, *self._own, *self._next]
        others = [number for number in range(len(table.replicates)) if number not in self.left]
        self.deo_m, self.accuracy = table.without(table.test_deo_m, self.left), table.without(table.test_accuracy, self.left)
        self.floor = _floor(self.accuracy)
        seen_deo_m = table.without(table.test_deo_m, others)
        feasible = table.without(table.test_accuracy, others) >= _floor(table.without(table.test_accuracy, others))
        self.best = float(self.deo_m[np.nanargmin(np.where(feasible, seen_deo_m, np.nan))])

    def through(self, folds: int) -> list[int]:
        """The replicates on which a setting is trained again and again, the searched one first: on its split, or on two in turn."""
        again = itertools.chain(*itertools.zip_longest(self._next, self._own)) if folds == 2 else self._own
        return [self._replicate, *(number for number in again if number is not None)]

    def volume(self, settings: Sequence[int]) -> float:
        """The volume under the front of some settings, as the test split has it; see :func:`volume`."""
        points = [(float(self.accuracy[setting]), float(self.deo_m[setting])) for setting in settings]
        return volume(points, floor=self.floor, baseline_deo_m=float(self.deo_m[0]))


def volume(points: Sequence[Point], *, floor: float, baseline_deo_m: float) -> float:
    """Area that feasible settings dominate, as a share of the box from just below the floor and from the baseline to perfect."""
    inside = [point for point in points if point[0] >= floor]
    return hypervolume(inside, [SCORES[name] for name in OBJECTIVES], [floor - _MARGIN, baseline_deo_m])


def measured_volume(scores: Scores, settings: Sequence[int]) -> float:
    """The volume under the front of trained settings, as the validation split has it."""
    points = [(val["accuracy"], val["deo_m"]) for val in (scores.at(setting, scores.epochs) for setting in settings)]
    return volume(points, floor=scores.floor, baseline_deo_m=scores.at(0, scores.epochs)["deo_m"])


def chosen(trained: Sequence[Trained], rule: str) -> int | None:
    """The setting that a rule chooses among trained ones; None if none is feasible."""
    found = Rule.load(rule).build().choose([trial.view for trial in trained])
    return next((trial.setting for trial in trained if found is not None and trial.view.number == found.number), None)


def front_of(trained: Sequence[Trained]) -> list[int]:
    """The settings on the front of trained ones, as the search has it: of feasible trials, by its estimate."""
    by_number = {trial.view.number: trial.setting for trial in trained}
    return [by_number[view.number] for view in front([trial.view for trial in trained if trial.view.feasible], OBJECTIVES)]


def _floor(accuracy: Floats) -> float:
    return float(accuracy[0]) - FLOOR_BELOW_BASELINE
