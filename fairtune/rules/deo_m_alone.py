"""The fairest trial that is accurate enough, with nothing else searched for."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._base import Rule, View


class LowestDEOMAlone(Rule):
    """Lowest DEO_M alone among the feasible, by its estimate ``deo_m_shrunken``; of equals the most accurate, then the earliest.

    It chooses as ``deo_m`` does, but the sampler spends no trial on accuracy above the floor: the front is one trial. For samplers
    that take one objective, such as ``cmaes``.
    """

    objectives: ClassVar = ("deo_m",)

    def key(self, view: View) -> tuple[float, ...]:
        """DEO_M's estimate, then accuracy from high to low."""
        return *view.costs("deo_m", "accuracy"), view.number
