"""The trial with the smallest mean gap that is accurate enough."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._one_score import OneScore


class LowestDEOA(OneScore):
    """Lowest DEO_A among the feasible; of equals the most accurate, then the earliest."""

    objectives: ClassVar = ("accuracy", "deo_a")
