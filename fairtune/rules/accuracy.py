"""The most accurate trial."""

from __future__ import annotations

from fairtune.rules._base import Rule, View


class HighestAccuracy(Rule):
    """Highest accuracy among the feasible; of equals the fairest, then the earliest."""

    def key(self, view: View) -> tuple[float, ...]:
        """Accuracy from high to low, then DEO_M."""
        return *view.costs("accuracy", "deo_m"), view.number
