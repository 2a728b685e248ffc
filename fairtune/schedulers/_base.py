"""What a scheduler is, and all that it may see of a trial."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from fairtune.metrics import SCORES, standard_error
from fairtune.plugins import Pluggable
from fairtune.records import GroupCounts

Verdict = Literal["go_on", "pause", "stop"]
"""``pause`` is to stop, but for a while: the trial goes on from its checkpoint as soon as the verdict on it is another."""


@dataclass(frozen=True)
class Standing:
    """Where a trial stood at a rung.

    Attributes:
        number: of the trial.
        method: that it trains; methods that first train alone learn later than others.
        epoch: after which, from 1.
        rung: place of that epoch among the rungs, from 0.
        scores: on the validation split.
        shortfall: by how much accuracy is expected to miss the floor in the end; 0 where it is to reach it.
        counts: the group counts behind the scores; None for a trial that has gone on since, or has ended.
        place: of the trial among those of its method, in the order in which they were asked for, from 0.
    """

    number: int
    method: str
    epoch: int
    rung: int
    scores: Mapping[str, float]
    shortfall: float = 0.0
    counts: GroupCounts | None = None
    place: int = 0

    @property
    def feasible(self) -> bool:
        """Whether accuracy is expected to reach the floor."""
        return self.shortfall == 0

    def cost(self, score: str) -> float:
        """A score, its sign turned where higher is better: the least is the best; infinite where it is not defined."""
        cost = SCORES[score].cost(self.scores.get(score, math.nan))
        return math.inf if math.isnan(cost) else cost

    def noise(self, score: str) -> float:
        """Standard error of a score (see :func:`fairtune.metrics.standard_error`); 0 where the counts are not at hand."""
        if score not in self._noise:
            value = self.scores.get(score, math.nan)
            self._noise[score] = 0.0 if self.counts is None else standard_error(SCORES[score], self.counts, value)
        return self._noise[score]

    @cached_property
    def _noise(self) -> dict[str, float]:
        """What has been computed: it takes a hundred redraws."""
        return {}


@dataclass
class Scheduler(Pluggable, ABC):
    """A scheduler.

    It keeps nothing: who was at a rung is read from the record of the search, so that a resumed search goes on with all of it.
    One that can be set is a dataclass too, whose fields are made by :func:`fairtune.space.hyperparameter`; they are given as
    ``--set scheduler.NAME=VALUE``.

    Args:
        objectives: names of the scores that it ranks by: those that the search's rule weighs, or their estimates.

    Attributes:
        pauses: whether its verdict may be ``pause``; what waits keeps a checkpoint on the disk.
    """

    kind: ClassVar = "scheduler"
    pauses: ClassVar[bool] = True

    objectives: Sequence[str]

    @abstractmethod
    def rungs(self, epochs: int) -> Sequence[int]:
        """The epochs after which a trial of so many epochs is judged, from 1 to ``epochs - 1``, rising.

        Raises:
            InvalidInput: its options allow none.
        """

    @abstractmethod
    def verdict(self, trial: Standing, others: Sequence[Standing]) -> Verdict:
        """Whether a trial that has come to a rung, or waits there, goes on. A function of its arguments alone.

        Args:
            trial: where it stands.
            others: all other trials that were at this rung so far, whatever became of them, by number.
        """

    def ranked(self, standings: Sequence[Standing]) -> list[int]:
        """Numbers of all who were at a rung, from the best: if too many wait there, the last are let go. By number if not said."""
        return [standing.number for standing in standings]

    def next_up(self, waiting: Collection[int], standings: Sequence[Standing]) -> int | None:
        """Who goes on after all of those that wait at a rung: the first, as they are ranked, on whom the verdict is so.

        Args:
            waiting: their numbers.
            standings: of all who were at this rung so far, by number.
        """
        by_number = {standing.number: standing for standing in standings}
        for number in self.ranked(standings):
            others = [standing for standing in standings if standing.number != number]
            if number in waiting and self.verdict(by_number[number], others) == "go_on":
                return number
        return None
