"""Many searches of each kind on one table, and what they reached for the epochs that they spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple
from unittest.mock import patch

import numpy as np

from benchmarks.search_efficiency.grids import Recorded
from benchmarks.search_efficiency.measures import Truth, chosen, front_of, measured_volume
from benchmarks.search_efficiency.policies import Policy
from benchmarks.search_efficiency.racing import KEPT, Race
from benchmarks.search_efficiency.replay import Replay, Scores, Trained
from benchmarks.search_efficiency.table import Table
from fairtune.metrics import standard_error
from fairtune.records import Floats
from fairtune.schedulers import _base as _standings
from fairtune.seeding import generator

SHARES = (0.05, 0.1, 0.2, 0.4)
"""Budgets, as shares of the epochs of the whole table."""
WORKERS = 4
MEASURES = ("volume", "test volume", "regret", "infeasible")


class Reached(NamedTuple):
    """What one search has reached within a budget.

    Attributes:
        volume: measured, as a share of that of the whole table.
        test_volume: the same of the test split, of the front as the search has it.
        regret: test DEO_M of the choice above that of the best setting; the baseline's where nothing feasible was found.
        infeasible: whether the choice misses the accuracy floor on the test split, or there is none.
    """

    volume: float
    test_volume: float
    regret: float
    infeasible: float


@dataclass(frozen=True)
class Result:
    """One kind of search over all repeats.

    Attributes:
        reached: ``(repeats, budgets, measures)``.
        curves: of each repeat, after each trained trial, the share of the table's epochs spent and of its volume ``(trials, 2)``.
    """

    reached: Floats
    curves: Sequence[Floats]

    def epochs_to(self, volumes: Floats) -> Floats:
        """The share of the table's epochs until a repeat has measured a share of its volume; infinite if it never has."""
        return np.array([_first(curve, volume) for curve, volume in zip(self.curves, volumes, strict=True)])

    @property
    def final(self) -> Floats:
        """The share of the table's volume that each repeat has measured in the end."""
        return np.array([curve[-1, 1] for curve in self.curves])


class Arena:
    """A table on which searches are compared; what does not depend on the search is computed once.

    So are the standard errors that schedulers ask for: each takes a hundred redraws, and many searches look at the same trainings.

    Args:
        recorded: what the table holds.
        table: the table.
    """

    def __init__(self, recorded: Recorded, table: Table) -> None:
        self.recorded, self.table = recorded, table
        self._scores: dict[tuple[int, str], Scores] = {}
        self._truths: dict[int, Truth] = {}
        self._standard_error = cache(standard_error)
        self.all = list(range(1, len(table.settings)))
        self.epochs = len(self.all) * table.length

    def scores(self, replicate: int, estimate: str = "DEO_M") -> Scores:
        """Of a replicate, with an estimate in the place of DEO_M."""
        key = replicate, estimate
        if key not in self._scores:
            self._scores[key] = Scores(self.table, replicate, estimate)
        return self._scores[key]

    def truth(self, replicate: int) -> Truth:
        """For searches on a replicate."""
        if replicate not in self._truths:
            self._truths[replicate] = Truth(self.table, replicate)
        return self._truths[replicate]

    def run(self, policy: Policy, repeats: int, shares: Sequence[float] = SHARES) -> Result:
        """Search on each replicate in turn, each time from another seed."""
        with patch.object(_standings, "standard_error", self._standard_error):
            found = [self._repeat(policy, repeat, shares) for repeat in range(repeats)]
        return Result(np.array([reached for reached, _ in found]), [curve for _, curve in found])

    def _repeat(self, policy: Policy, repeat: int, shares: Sequence[float]) -> tuple[list[Reached], Floats]:
        replicate = repeat % len(self.table.replicates)
        budget = int(max(shares) * self.epochs)
        shown = self.scores(replicate, policy.estimate)
        search = Replay(self.recorded, self.table, replicate, policy, shown, epochs=budget, workers=WORKERS, seed=repeat)
        trained = search.run()
        whole = measured_volume(self.scores(replicate), self.all)
        reached = []
        for share in shares:
            ended = self._ended(policy, repeat, trained, int(share * self.epochs))
            reached.append(self._reached(policy, replicate, ended, whole))
        return reached, self._curve(replicate, trained, whole)

    def _ended(self, policy: Policy, repeat: int, trained: Sequence[Trained], budget: int) -> list[Trained]:
        """The trials that a budget lets end, after their race if they race."""
        if not policy.folds:
            return [trial for trial in trained if trial.spent <= budget]
        ended = [trial for trial in trained if trial.spent <= budget * (1 - KEPT)]
        replicates = self.truth(repeat % len(self.table.replicates)).through(policy.folds)
        race = Race(self.table, partial(self.scores, estimate=policy.estimate), replicates, policy.rule, seed=repeat)
        return race.run(ended, epochs=int(budget * KEPT))

    def _reached(self, policy: Policy, replicate: int, ended: Sequence[Trained], whole: float) -> Reached:
        truth = self.truth(replicate)
        choice = chosen(ended, policy.rule)
        settings = [trial.setting for trial in ended]
        deo_m, accuracy = truth.deo_m, truth.accuracy
        return Reached(
            volume=measured_volume(self.scores(replicate), settings) / whole,
            test_volume=truth.volume(front_of(ended)) / truth.volume(self.all),
            regret=float(deo_m[0 if choice is None else choice]) - truth.best,
            infeasible=float(choice is None or accuracy[choice] < truth.floor),
        )

    def _curve(self, replicate: int, trained: Sequence[Trained], whole: float) -> Floats:
        scores, settings = self.scores(replicate), [trial.setting for trial in trained]
        volumes = [measured_volume(scores, settings[:place]) / whole for place in range(1, len(settings) + 1)]
        return np.array([(trial.spent / self.epochs, volume) for trial, volume in zip(trained, volumes, strict=True)])


def _first(curve: Floats, volume: float) -> float:
    """Where a curve first comes to a volume."""
    there = np.flatnonzero(curve[:, 1] >= volume)
    return float(curve[there[0], 0]) if len(there) else float("inf")


def interval(values: Floats, statistic: Callable[[Floats], float] = np.mean, draws: int = 2000) -> tuple[float, float, float]:
    """A statistic of the repeats and its 95 % bootstrap interval."""
    rng = generator(0, "bootstrap")
    drawn = [statistic(values[rng.integers(len(values), size=len(values))]) for _ in range(draws)]
    low, high = np.quantile(drawn, [0.025, 0.975], method="nearest")
    return float(statistic(values)), float(low), float(high)
