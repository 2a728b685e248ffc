"""Successive halving for several objectives under a floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from fairtune.metrics import SCORES, crowding, pareto_ranks
from fairtune.records import Floats
from fairtune.schedulers._base import Standing
from fairtune.schedulers._halving import Halving, Ranking
from fairtune.space import Real, hyperparameter

Mask = npt.NDArray[np.bool_]


@dataclass
class ParetoAsha(Halving):
    """Asynchronous successive halving by the accuracy floor, then by fronts, then by spread; in doubt a trial goes on.

    First come the trials that will reach the floor, as far as the baseline's own training tells (see
    :meth:`fairtune.study.baseline.Baseline.lacking`), then the others by how little they will miss it. Those that reach it go by
    the front they are on: none beats those of the first, those of the second are beaten by some of the first alone, and so on. On
    one front those come first that are farthest from their neighbours.

    Scores are of few samples. So a trial is stopped only where it is behind by more than its noise: it is judged as if each of its
    objectives, and its accuracy beside the floor, were better by ``doubt`` of its standard errors
    (:func:`fairtune.metrics.standard_error`), the others being as they are. Half of one by default: all nets are scored on the same
    samples and err alike, so that the difference of two is less noisy than either.

    Differs from ASHA (L. Li et al., MLSys 2020) in what it ranks by; from the constrained ranking of NSGA-II (K. Deb et al., 2002),
    whose order this is, in judging trials under way and with their noise. With several objectives, fronts and then spread are what
    R. Schmucker et al., Multi-objective Asynchronous Successive Halving, 2021, rank by, without floor or noise.
    """

    citation: ClassVar[str] = (
        "L. Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020; K. Deb, A. Pratap, S. Agarwal, "
        "T. Meyarivan, A fast and elitist multiobjective genetic algorithm: NSGA-II, IEEE TEC 2002"
    )

    doubt: float = hyperparameter(0.5, Real(low=0, high=10), help="standard errors by which a trial may be behind without waiting")

    def ranking(self, standings: Sequence[Standing]) -> Ranking:
        """By what is missing to the floor, then by front, then by room on it; of equals the earlier trial is ahead."""
        return _ByFront(standings, self.objectives)

    def at_best(self, trial: Standing) -> Standing:
        """A trial whose objectives and accuracy were measured with luck against it."""
        scores = {name: self._at_best(trial, name) for name in self.objectives if name in trial.scores}
        shortfall = max(0.0, trial.shortfall - self.doubt * trial.noise("accuracy"))
        return replace(trial, scores={**trial.scores, **scores}, shortfall=shortfall)

    def _at_best(self, trial: Standing, name: str) -> float:
        score, room = SCORES[name], self.doubt * trial.noise(name)
        better = trial.scores[name] + (room if score.better == "higher" else -room)
        return min(max(better, score.low), score.high)


class _ByFront(Ranking):
    def __init__(self, standings: Sequence[Standing], objectives: Sequence[str]) -> None:
        self._objectives = objectives
        self._numbers = np.array([standing.number for standing in standings])
        self._shortfalls = np.array([standing.shortfall for standing in standings])
        self._costs = np.array([self._point(standing) for standing in standings])
        self._fronts, room = np.zeros(len(standings), dtype=np.int64), np.zeros(len(standings))
        feasible = self._shortfalls == 0
        self._fronts[feasible] = pareto_ranks(self._costs[feasible])
        room[feasible] = crowding(self._costs[feasible], self._fronts[feasible])
        order = np.lexsort((self._numbers, -room, self._fronts, self._shortfalls))
        self.numbers = self._numbers[order].tolist()

    def ahead_of(self, trial: Standing) -> int:
        """Those of lesser shortfall; if it has none, those on earlier fronts than it would be on, or with more room on its own."""
        own, earlier = self._numbers == trial.number, self._numbers < trial.number
        if trial.shortfall > 0:
            equal = (self._shortfalls == trial.shortfall) & earlier
            return int((~own & ((self._shortfalls < trial.shortfall) | equal)).sum())
        point = np.array(self._point(trial))
        rivals = ~own & (self._shortfalls == 0)
        if not np.isfinite(point).all():
            return int((rivals & (np.isfinite(self._costs).all(axis=1) | earlier)).sum())
        rivals &= ~_beats(point, self._costs)  # whom it beats comes after it; the fronts of all others do not depend on it
        front = self._fronts[rivals & _beats(self._costs, point)].max(initial=-1) + 1
        mates = rivals & (self._fronts == front)
        return int((rivals & (self._fronts < front)).sum()) + self._with_more_room(mates, own, point)

    def _with_more_room(self, mates: Mask, own: Mask, point: Floats) -> int:
        """How many of those on a front are farther from their neighbours than a point that joins them; of equals the earlier."""
        together = mates | own
        costs = np.where(own[:, None], point, self._costs)[together]
        room, own, numbers = crowding(costs, np.zeros(len(costs), dtype=np.int64)), own[together], self._numbers[together]
        return int(((room > room[own]) | ((room == room[own]) & (numbers < numbers[own]))).sum())

    def _point(self, standing: Standing) -> list[float]:
        return [standing.cost(name) for name in self._objectives]


def _beats(a: Floats, b: Floats) -> Mask:
    """Whether a point is nowhere worse than another, and somewhere better."""
    found: Mask = np.logical_and.reduce(a <= b, axis=1) & np.logical_or.reduce(a < b, axis=1)
    return found
