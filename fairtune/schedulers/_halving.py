"""Asynchronous successive halving, whatever it ranks by."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import count, takewhile

from fairtune.errors import InvalidInput
from fairtune.schedulers._base import Scheduler, Standing, Verdict
from fairtune.space import Integer, hyperparameter

_DEPTH = 2
"""Rungs where neither grace nor more brackets are asked for. One more, at 1/27 of 40 epochs, made searches worse."""


class Ranking(ABC):
    """The trials of one method that were at a rung.

    Attributes:
        numbers: from the best.
    """

    numbers: list[int]

    @abstractmethod
    def ahead_of(self, trial: Standing) -> int:
        """How many of the others would be ahead of one of the trials if it stood so, no worse than it does in anything."""


@dataclass
class Halving(Scheduler):
    """Asynchronous successive halving: at each rung the best 1/eta of the trials so far go on, the others wait.

    The rungs are at ``grace``, ``grace * eta``, ``grace * eta²``, ... epochs. Of n trials at a rung, the best max(1, ⌊n/eta⌋) go
    on: the first to come goes on too. Who waits is taken up again as soon as it is among the best, because more trials have come.
    So no worker ever waits for a rung to fill.

    Trials are compared with those of their own method, because some methods train without labels first.

    A trial of bracket b is not judged at the first b rungs, but counts there. Of every eta trials of a method one is of bracket 1
    or above, of every eta² one of bracket 2 or above, and so on.
    """

    grace: int = hyperparameter(
        0,
        Integer(low=0, high=10_000),
        help="epochs before the first judgement; 0 for 1/eta² of all, or as near as there is",
    )
    eta: int = hyperparameter(3, Integer(low=2, high=100), help="one trial in so many goes on at a rung")
    brackets: int = hyperparameter(1, Integer(low=1, high=10), help="1, or how many grace periods, each eta times the one before")

    def rungs(self, epochs: int) -> Sequence[int]:
        """``grace * eta^k``; where no grace is given, the shares 1/eta² and 1/eta of the epochs, rounded up,
        and with more than two brackets as many shares."""
        found = self._from_grace(epochs) if self.grace else self._from_end(epochs)
        if found and self.brackets > len(found):
            raise InvalidInput(
                f"--set scheduler.brackets={self.brackets}: trials of {epochs} epochs are judged {len(found)} times: "
                f"give at most {len(found)}, or a shorter scheduler.grace"
            )
        return found

    def verdict(self, trial: Standing, others: Sequence[Standing]) -> Verdict:
        """Who is among the best, in the benefit of the doubt, goes on."""
        alike = [other for other in others if other.method == trial.method]
        return "go_on" if self._goes_on(trial, self.ranking([*alike, trial])) else "pause"

    def ranked(self, standings: Sequence[Standing]) -> list[int]:
        """From the best; those of several methods by their place among their own."""
        places: list[tuple[float, int]] = []
        for ranking in self._rankings(standings).values():
            places += [(place / len(ranking.numbers), number) for place, number in enumerate(ranking.numbers)]
        return [number for _, number in sorted(places)]

    def next_up(self, waiting: Collection[int], standings: Sequence[Standing]) -> int | None:
        """The best of those on whom the verdict is to go on."""
        rankings = self._rankings(standings)
        by_number = {standing.number: standing for standing in standings if standing.number in waiting}
        places = {number: place / len(r.numbers) for r in rankings.values() for place, number in enumerate(r.numbers)}
        for trial in sorted(by_number.values(), key=lambda trial: (places[trial.number], trial.number)):
            if self._goes_on(trial, rankings[trial.method]):
                return trial.number
        return None

    @abstractmethod
    def ranking(self, standings: Sequence[Standing]) -> Ranking:
        """The trials of one method that were at a rung, from the best."""

    def at_best(self, trial: Standing) -> Standing:
        """What a trial is taken for when it is judged: what it is, if not said. It must not be worse than that in anything."""
        return trial

    def _goes_on(self, trial: Standing, ranking: Ranking) -> bool:
        if trial.rung < self._bracket(trial.place):
            return True
        return ranking.ahead_of(self.at_best(trial)) < max(1, len(ranking.numbers) // self.eta)

    def _rankings(self, standings: Sequence[Standing]) -> dict[str, Ranking]:
        methods = dict.fromkeys(standing.method for standing in standings)
        return {method: self.ranking([s for s in standings if s.method == method]) for method in methods}

    def _bracket(self, place: int) -> int:
        """How often eta divides a trial's place among those of its method, counted from 1; at most the last bracket."""
        bracket = 0
        while bracket < self.brackets - 1 and (place + 1) % self.eta ** (bracket + 1) == 0:
            bracket += 1
        return bracket

    def _from_grace(self, epochs: int) -> list[int]:
        if self.grace >= epochs:
            raise InvalidInput(
                f"--set scheduler.grace={self.grace}: a training has {epochs} epochs, so that no trial would ever be stopped: "
                f"give at most {epochs - 1}, or --scheduler none"
            )
        rungs = (self.grace * self.eta**rung for rung in count())
        return list(takewhile(lambda rung: rung < epochs, rungs))

    def _from_end(self, epochs: int) -> list[int]:
        found = {math.ceil(epochs / self.eta**depth) for depth in range(1, max(_DEPTH, self.brackets) + 1)}
        return sorted(rung for rung in found if rung < epochs)
