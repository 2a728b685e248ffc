"""The rungs of a search: who was there, what its scheduler says of the next who comes, and who waits there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from fairtune.errors import InvalidInput
from fairtune.metrics import SCORES
from fairtune.schedulers._base import Scheduler, Standing, Verdict
from fairtune.space import Value
from fairtune.spec import TrialResult

MOST_WAITING = 16
"""Trials that wait at a rung, each with a checkpoint on the disk; of more, the last in the scheduler's order are let go."""


class Ladder:
    """The rungs of one search.

    Args:
        name: of the scheduler.
        objectives: names of the scores that the rule weighs; the scheduler is given the estimate of one that has it.
        epochs: of a whole trial.
        options: of the scheduler; those that are not given have their default.

    Raises:
        InvalidInput: there is no such scheduler, it is none, or it cannot judge by these objectives or so short a training.
    """

    def __init__(self, name: str, objectives: Sequence[str], epochs: int, options: Mapping[str, Value] | None = None) -> None:
        self.name = name
        weighed = tuple(SCORES[objective].estimate or objective for objective in objectives)
        self._estimated = {name: estimate for name in objectives if (estimate := SCORES[name].estimate)}
        self._scheduler = Scheduler.load(name).build(weighed, **(options or {}))
        self.rungs = tuple(self._scheduler.rungs(epochs))
        self._standings: dict[int, dict[int, Standing]] = {rung: {} for rung in self.rungs}
        self._waiting: dict[int, set[int]] = {rung: set() for rung in self.rungs}
        self._looked: set[int] = set()
        if not all(0 < rung < epochs for rung in self.rungs) or any(a >= b for a, b in pairwise(self.rungs)):
            raise InvalidInput(f"the scheduler {name!r} has the rungs {self.rungs}: give rising epochs from 1 to {epochs - 1}")
        late = [score for score in objectives if SCORES[score].source == "probe"]
        if self.rungs and late:
            raise InvalidInput(
                f"--scheduler {name} compares trials before they end, but {late[0]}, which --select weighs, is measured when they "
                "have ended: choose another rule, or --scheduler none"
            )

    def note(
        self, number: int, method: str, result: TrialResult, lacking: Callable[[float, int], float], place: int, since: int = 1
    ) -> None:
        """Take up where a trial stood at every rung that it has come to.

        Args:
            number: of the trial.
            method: that it trains.
            result: what came of it, or where it stands.
            lacking: by accuracy and the epoch after which a trial has it, from 1: by how much it will miss the floor, or 0.
            place: among the trials of its method, from 0.
            since: the first of its epochs after which it is compared with others, from 1.
        """
        for index, rung in enumerate(self.rungs):
            if rung < since:
                continue
            known = self._standings[rung].get(number)
            if rung == result.epochs or (rung < result.epochs and known is None):
                scores = self._with_estimates(result.history[rung - 1].val)
                counts = result.val_counts if rung == result.epochs else None
                missing = lacking(scores["accuracy"], rung)
                self._standings[rung][number] = Standing(number, method, rung, index, scores, missing, counts, place)
                self._looked.discard(rung)
            elif known is not None and known.counts is not None:
                self._standings[rung][number] = replace(known, counts=None)

    def verdict(self, number: int, epoch: int) -> Verdict:
        """Whether a noted trial goes on after this epoch; between rungs it does."""
        if epoch not in self.rungs:
            return "go_on"
        there = self._standings[epoch]
        return self._scheduler.verdict(there[number], [there[other] for other in sorted(there) if other != number])

    def wait(self, number: int, epoch: int) -> list[int]:
        """Let a noted trial wait at a rung; returns who cannot be taken up any more, because too many wait there."""
        waiting = self._waiting[epoch]
        waiting.add(number)
        self._looked.discard(epoch)
        if len(waiting) <= MOST_WAITING:
            return []
        ranked = self._scheduler.ranked(self._there(epoch))
        gone = [other for other in ranked if other in waiting][MOST_WAITING:]
        for other in gone:
            self._leave(other, epoch)
        return gone

    def most_waiting(self, trials: int) -> int:
        """How many of so many trials wait at a time at most, each at one rung."""
        return min(trials, MOST_WAITING * len(self.rungs)) if self._scheduler.pauses else 0

    def take_up(self) -> int | None:
        """Who of those that wait goes on after all, the highest rung first; None if nobody does. It waits no longer."""
        for rung in reversed(self.rungs):
            if self._waiting[rung] and rung not in self._looked:
                number = self._scheduler.next_up(self._waiting[rung], self._there(rung))
                if number is not None:
                    self._leave(number, rung)
                    return number
                self._looked.add(rung)
        return None

    def _with_estimates(self, val: Mapping[str, float]) -> Mapping[str, float]:
        """An epoch's scores; one of an earlier version has no estimates, and is measured by what it has."""
        return {estimate: val[name] for name, estimate in self._estimated.items() if name in val} | dict(val)

    def _there(self, rung: int) -> list[Standing]:
        """All who were at a rung, by number."""
        return [self._standings[rung][number] for number in sorted(self._standings[rung])]

    def _leave(self, number: int, rung: int) -> None:
        self._waiting[rung].remove(number)
        self._standings[rung][number] = replace(self._standings[rung][number], counts=None)
