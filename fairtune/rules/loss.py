"""The trial with the lowest cross-entropy, if it is accurate enough."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._one_score import OneScore


class LowestLoss(OneScore):
    """Lowest mean cross-entropy among the feasible; of equals the most accurate, then the earliest."""

    objectives: ClassVar = ("accuracy", "loss")
