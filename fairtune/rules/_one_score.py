"""Rules that go by one score, among what is accurate enough."""

from __future__ import annotations

from fairtune.rules._base import Rule, View


class OneScore(Rule):
    """The best in the last of its objectives; of equals the most accurate, then the earliest."""

    def key(self, view: View) -> tuple[float, ...]:
        """The score, then accuracy from high to low."""
        return *view.costs(self.objectives[-1], "accuracy"), view.number
