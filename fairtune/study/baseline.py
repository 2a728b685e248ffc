"""The plain model of a search, and the floor that it sets."""

from __future__ import annotations

from dataclasses import dataclass

from fairtune.spec import Brief, TrialResult


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

    def reached_by(self, result: Brief) -> bool:
        """Whether a complete trial is feasible."""
        return result.val["accuracy"] >= self.floor
