"""The plain model of a search, and the floor that it sets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from fairtune.metrics import SCORES
from fairtune.options import Floor
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

    def floor_at(self, epoch: int) -> float:
        """What a trial must reach after an epoch: the floor, less what the baseline still lacked then of its own accuracy.

        Args:
            epoch: from 1; after the baseline's last, it lacked nothing.
        """
        lacked = self.result.val["accuracy"] - self.result.history[min(epoch, self.result.epochs) - 1].val["accuracy"]
        return self.floor - max(0.0, lacked)


def floor_on(split: Literal["val", "test"], floor: Floor, baseline: TrialResult) -> float:
    """The floor on a split, as a number: the baseline sets it, and nothing that is trained later moves it.

    A quantile is of the accuracy that the baseline truly has, as far as its samples of the split tell.
    """
    accuracy = (baseline.val if split == "val" else baseline.test or {}).get("accuracy", math.nan)
    if floor.kind != "quantile":
        return floor.value + (accuracy if floor.kind == "offset" else 0.0)
    score, counts = SCORES["accuracy"], baseline.counts(split)
    return score.quantile(counts, floor.value, "samples" if split == "test" else score.weighting_of(counts, accuracy))
