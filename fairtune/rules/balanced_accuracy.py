"""The trial with the best mean recall, if it is accurate enough."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._one_score import OneScore


class HighestBalancedAccuracy(OneScore):
    """Highest mean of the classes' recalls among the feasible; of equals the most accurate, then the earliest."""

    objectives: ClassVar = ("accuracy", "balanced_accuracy")
