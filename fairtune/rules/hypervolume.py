"""The trial without which the front would cover least."""

from __future__ import annotations

from collections.abc import Sequence

from fairtune.metrics import SCORES, hypervolume
from fairtune.rules._base import Rule, View, front


class LargestContribution(Rule):
    """Largest contribution to the volume that the feasible cover, DEO_M by its estimate ``deo_m_shrunken``; of equals the fairest.

    Of those that are as fair the most accurate, then the earliest, is chosen.

    K. Bringmann, T. Friedrich, "Approximating the least hypervolume contributor: NP-hard in general, but fast in practice",
    Theoretical Computer Science 2012, for what a contribution is: the volume that one trial covers and no other does. It is
    measured from the worst feasible value in each objective, so an end of the front has the volume that reaches beyond its
    neighbour; where no trial covers any, DEO_M decides.
    """

    def key(self, view: View) -> tuple[float, ...]:
        """What decides between equals: DEO_M's estimate, then accuracy from high to low."""
        return *view.costs("deo_m", "accuracy"), view.number

    def choose(self, views: Sequence[View]) -> View | None:
        """The largest contribution of the front of the feasible."""
        feasible = [view for view in views if view.feasible]
        kept = front(feasible, self.objectives)
        if not kept:
            return None
        scores = [SCORES[name] for name in self.objectives]
        costs = [view.costs(*self.objectives) for view in feasible]
        worst = [score.cost(max(cost[place] for cost in costs)) for place, score in enumerate(scores)]

        def volume(some: Sequence[View]) -> float:
            points = [[score.cost(cost) for score, cost in zip(scores, view.costs(*self.objectives), strict=True)] for view in some]
            return hypervolume(points, scores, worst)

        whole = volume(kept)
        lost = {view.number: round(whole - volume([other for other in kept if other is not view]), 12) for view in kept}
        return min(kept, key=lambda view: (-lost[view.number], *self.key(view)))
