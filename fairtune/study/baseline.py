"""The plain model of a search, and the floor that it sets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from fairtune.metrics import SCORES, shortfall
from fairtune.options import Floor
from fairtune.records import Floats, GroupCounts
from fairtune.spec import TrialResult


@dataclass(frozen=True)
class Baseline:
    """The plain model of the same architecture, trained.

    Attributes:
        result: what came of it.
        floor: the validation accuracy, in [0, 1], that a trial must reach in the end to be feasible.
    """

    result: TrialResult
    floor: float

    def lacking(self, accuracy: float, epoch: int, epochs: int) -> float:
        """By how much a trial under way is expected to miss the floor in the end.

        What is still to come is read off the baseline's own training, in two ways, of which the kinder counts: the trial gains as
        much as the baseline did from this epoch on; or it goes through the accuracies that the baseline went through, as much more
        slowly as it has so far. The second is for what learns slowly and ends as accurate, as with a low learning rate or a
        large weight of a fairness loss.

        Args:
            accuracy: of the trial on the validation split, in [0, 1]; NaN where it has none.
            epoch: after which it has that, from 1.
            epochs: of the whole trial.

        Returns:
            In units of accuracy; 0 where the floor will be reached, infinite where there is no accuracy.
        """
        if math.isnan(accuracy):
            return math.inf
        curve = self._curve
        gained = accuracy + curve[-1] - curve[min(epoch, len(curve) - 1)]
        reached, first = np.unique(curve, return_index=True)
        slowly = np.interp(np.interp(accuracy, reached, first) * epochs / epoch, np.arange(len(curve)), curve)
        return max(0.0, shortfall(max(accuracy, float(gained), float(slowly)), self.floor))

    @cached_property
    def _curve(self) -> Floats:
        """The baseline's best accuracy so far after each epoch: before the first that of a constant, at the last what it is."""
        final = self.result.val["accuracy"]
        history = [epoch.val["accuracy"] for epoch in self.result.history[:-1]]
        counts = self.result.val_counts
        start = (history or [final])[0] if counts is None else constant_accuracy(counts, final)
        return np.append(np.minimum(np.maximum.accumulate([start, *history]), final), final)


def constant_accuracy(counts: GroupCounts, accuracy: float) -> float:
    """The best accuracy that giving all samples one class has: where a net stands that has learnt nothing.

    Args:
        counts: of some net on the samples.
        accuracy: that net's, which tells how samples are weighed.
    """
    score, cells = SCORES["accuracy"], counts.hard.sum(axis=-1)
    weighting = score.weighting_of(counts, accuracy)
    found = []
    for answer in range(counts.hard.shape[-1]):
        hard = np.zeros_like(counts.hard)
        hard[..., answer] = cells
        found.append(score.of(GroupCounts(hard, hard.astype(np.float64)), weighting))
    return max(found)


def floor_on(split: Literal["val", "test"], floor: Floor, baseline: TrialResult) -> float:
    """The floor on a split, as a number: the baseline sets it, and nothing that is trained later moves it.

    A quantile is of the accuracy that the baseline truly has, as far as its samples of the split tell.
    """
    accuracy = (baseline.val if split == "val" else baseline.test or {}).get("accuracy", math.nan)
    if floor.kind != "quantile":
        return floor.value + (accuracy if floor.kind == "offset" else 0.0)
    score, counts = SCORES["accuracy"], baseline.counts(split)
    return score.quantile(counts, floor.value, "samples" if split == "test" else score.weighting_of(counts, accuracy))
