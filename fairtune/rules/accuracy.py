"""The most accurate trial."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._base import Rule, View


class HighestAccuracy(Rule):
    """Highest accuracy among the feasible; of equals the fairest by ``deo_m_shrunken``, then the earliest."""

    improves: ClassVar = "accuracy"

    def key(self, view: View) -> tuple[float, ...]:
        """Accuracy from high to low, then DEO_M's estimate."""
        return *view.costs("accuracy", "deo_m"), view.number
