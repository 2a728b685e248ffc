"""The fairest trial that is accurate enough."""

from __future__ import annotations

from fairtune.rules._base import Rule, View


class LowestDEOM(Rule):
    """Lowest DEO_M among the feasible, by its estimate ``deo_m_shrunken``; of equals the most accurate, then the earliest.

    DEO_M itself takes few values on a validation split, and which is least is luck; see ``docs/search-efficiency.md``.
    """

    def key(self, view: View) -> tuple[float, ...]:
        """DEO_M's estimate, then accuracy from high to low."""
        return *view.costs("deo_m", "accuracy"), view.number
