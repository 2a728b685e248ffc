"""The fairest trial that is accurate enough."""

from __future__ import annotations

from fairtune.rules._base import Rule, View


class LowestDEOM(Rule):
    """Lowest DEO_M among the feasible; of equals the most accurate, then the earliest."""

    def key(self, view: View) -> tuple[float, ...]:
        """DEO_M, then accuracy from high to low."""
        return *view.costs("deo_m", "accuracy"), view.number
