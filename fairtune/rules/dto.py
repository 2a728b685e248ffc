"""The trial that is nearest to perfect in accuracy and fairness at once."""

from __future__ import annotations

import math

from fairtune.metrics import SCORES
from fairtune.rules._base import Rule, View


class NearestToUtopia(Rule):
    """Nearest feasible to accuracy 1 and DEO_M 0, by its estimate ``deo_m_shrunken``; of equals the fairest, then the earliest.

    X. Han, A. Shen, Y. Li, L. Frermann, T. Baldwin, T. Cohn, "FairLib: A Unified Framework for Assessing and Improving Fairness",
    EMNLP 2022, measure the distance to the best that any model reached in each objective; here it is that to perfect scores, so
    that a choice between two trials does not depend on a third.
    """

    def key(self, view: View) -> tuple[float, ...]:
        """The distance, then DEO_M's estimate."""
        missed = map(_share_missed, self.objectives, view.costs(*self.objectives))
        return math.hypot(*missed), *view.costs("deo_m"), view.number


def _share_missed(name: str, cost: float) -> float:
    """How much of a score's range lies between a trial and the best."""
    worst, best = map(SCORES[name].cost, SCORES[name].ends)
    return (cost - best) / (worst - best)
