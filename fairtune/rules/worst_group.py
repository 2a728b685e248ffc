"""The trial that serves its worst group best, if it is accurate enough."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._one_score import OneScore


class HighestWorstGroupAccuracy(OneScore):
    """Highest accuracy of the worst group among the feasible; of equals the most accurate, then the earliest.

    S. Sagawa, P. W. Koh, T. B. Hashimoto, P. Liang, "Distributionally Robust Neural Networks for Group Shifts", ICLR 2020, choose
    by the worst group's validation accuracy and report it beside the average. A gap also closes where every group is treated
    worse; the accuracy of the worst rises only where that group is served better. The other objective is accuracy, which is what
    that may cost.
    """

    citation: ClassVar[str] = (
        "S. Sagawa, P. W. Koh, T. B. Hashimoto, P. Liang, Distributionally Robust Neural Networks for Group Shifts, ICLR 2020"
    )

    objectives: ClassVar = ("accuracy", "worst_group_accuracy")
