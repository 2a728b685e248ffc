"""The trial that is surely fairest, among those that are surely accurate enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from fairtune.metrics import SCORES, deo_m_upper
from fairtune.records import GroupCounts
from fairtune.rules._base import Certainty, Rule, View
from fairtune.space import Real, hyperparameter

_LEGAL = Real(low=0.5, high=0.999)


@dataclass
class SafestDEOM(Rule):
    """Lowest upper confidence bound of DEO_M among what holds the floor with a given probability; of equals the surest accuracy.

    Both bounds are one-sided and of what the validation samples leave open of one net: they take the place of DEO_M and of accuracy
    in the search, its front and its floor. A fair trial on few samples is no longer preferred to one that is nearly as fair on many
    classes without luck. They know nothing of the seed, nor that the best of many trials was picked by the same samples.
    """

    bounds: ClassVar = ("accuracy_lower", "deo_m_upper")

    confidence: float = hyperparameter(0.95, _LEGAL, help="that DEO_M is not above its bound")
    floor_probability: float = hyperparameter(0.9, _LEGAL, help="with which accuracy reaches the floor")

    def bound(self, counts: GroupCounts, measured: Mapping[str, float]) -> dict[str, float]:
        """The lower bound of accuracy, weighed as it was measured, and the upper one of DEO_M."""
        accuracy = SCORES["accuracy"]
        weighting = accuracy.weighting_of(counts, measured["accuracy"])
        least = accuracy.quantile(counts, 1 - self.floor_probability, weighting)
        return dict(zip(self.bounds, (least, deo_m_upper(counts, self.confidence)), strict=True))

    @property
    def certainty(self) -> Certainty:
        """The probability that accuracy's bound is of."""
        return Certainty("floor_probability", self.floor_probability)

    def key(self, view: View) -> tuple[float, ...]:
        """DEO_M's bound, then that of accuracy from high to low."""
        return *view.costs("deo_m", "accuracy"), view.number
