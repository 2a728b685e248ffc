"""The trial at the front's bend, from where a little more of one objective costs much of the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fairtune.rules._base import Rule, View, front


class Knee(Rule):
    """The front's bend, DEO_M by its estimate ``deo_m_shrunken``: the trial that lies farthest from the line between its ends.

    Of equals the fairest is chosen, then the earliest.

    I. Das, "On characterizing the knee of the Pareto curve based on normal-boundary intersection", Structural Optimization 1999.
    Accuracy and DEO_M are measured by how far the front reaches in each, so that their units do not matter. A front whose trials
    all lie on that line or behind it has no bend: of its ends the fairest is chosen.
    """

    def key(self, view: View) -> tuple[float, ...]:
        """What decides between equals: DEO_M's estimate, then accuracy from high to low."""
        return *view.costs("deo_m", "accuracy"), view.number

    def choose(self, views: Sequence[View]) -> View | None:
        """The bend of the front of the feasible."""
        kept = front([view for view in views if view.feasible], self.objectives)
        if not kept:
            return None
        costs = np.array([view.costs(*self.objectives) for view in kept])
        reach = np.ptp(costs, axis=0)
        if not reach.all():
            return min(kept, key=self.key)
        before = np.round(1 - ((costs - costs.min(axis=0)) / reach).sum(axis=1), 12)
        return min(zip(before, kept, strict=True), key=lambda pair: (-pair[0], *self.key(pair[1])))[1]
