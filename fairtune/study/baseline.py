"""The plain model of a search, and the floor that it sets."""

from __future__ import annotations

from dataclasses import dataclass

from fairtune.spec import Brief, TrialResult


@dataclass(frozen=True)
class Baseline:
    """The plain model of the same architecture, trained.

    Attributes:
        result: what came of it.
        floor: the validation accuracy, in [0, 1], that a trial must reach to be feasible.
    """

    result: TrialResult
    floor: float

    def reached_by(self, result: Brief) -> bool:
        """Whether a complete trial is feasible."""
        return result.val["accuracy"] >= self.floor
