"""Median stopping."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median_high
from typing import ClassVar

from fairtune.schedulers._base import Scheduler, Standing, Verdict

_RUNGS = 10
_GRACE_RUNGS = 2
_FEWEST_OTHERS = 4


class Median(Scheduler):
    """Stops a trial that is worse in every objective than the median of the trials that were at its rung.

    The rungs are the tenths of a training from the second on. Nobody is stopped at one before four others of the same method were
    there; of two middle values the worse is the median. An infeasible trial counts as worse than every feasible one: where most
    reach the accuracy floor, one that does not is stopped, however fair it is.

    After D. Golovin et al., KDD 2017, whose rule compares the best value so far with averages of the others' curves, for one
    objective. Here the values at the rung are compared, because gaps between groups do not shrink steadily, and trials of the same
    method, because some methods train without labels first.
    """

    citation: ClassVar[str] = (
        "D. Golovin, B. Solnik, S. Moitra, G. Kochanski, J. Karro, D. Sculley, Google Vizier: A Service for Black-Box "
        "Optimization, KDD 2017"
    )
    pauses: ClassVar = False

    def rungs(self, epochs: int) -> Sequence[int]:
        """The tenths of the epochs, rounded up, from the second on."""
        found = {math.ceil(epochs * tenth / _RUNGS) for tenth in range(_GRACE_RUNGS, _RUNGS)}
        return sorted(rung for rung in found if rung < epochs)

    def verdict(self, trial: Standing, others: Sequence[Standing]) -> Verdict:
        """Stop what is worse than the median in every objective."""
        alike = [other for other in others if other.method == trial.method]
        if len(alike) < _FEWEST_OTHERS:
            return "go_on"
        worse = [
            _badness(trial, objective) > median_high(_badness(other, objective) for other in alike) for objective in self.objectives
        ]
        return "stop" if all(worse) else "go_on"


def _badness(standing: Standing, score: str) -> tuple[bool, float]:
    """Greater for a worse score; greatest for what is infeasible, and then for what is not defined."""
    return not standing.feasible, standing.cost(score)
