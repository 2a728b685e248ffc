"""The trial that serves its worst cell best, if it is accurate enough."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._one_score import OneScore


class HighestWorstCellAccuracy(OneScore):
    """Highest accuracy of the worst cell, the samples of one class and group, among the feasible; of equals the most accurate,
    then the earliest.
    """

    objectives: ClassVar = ("accuracy", "worst_cell_accuracy")
