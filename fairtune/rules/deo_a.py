"""The trial with the smallest mean gap that is accurate enough."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._base import Rule, View


class LowestDEOA(Rule):
    """Lowest DEO_A among the feasible; of equals the most accurate, then the earliest."""

    objectives: ClassVar = ("accuracy", "deo_a")

    def key(self, view: View) -> tuple[float, ...]:
        """DEO_A, then accuracy from high to low."""
        return *view.costs("deo_a", "accuracy"), view.number
