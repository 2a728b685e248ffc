"""The rungs of a search: who was there, and what its scheduler says of the next who comes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from fairtune.errors import InvalidInput
from fairtune.metrics import SCORES
from fairtune.schedulers._base import Scheduler, Standing, Verdict
from fairtune.spec import TrialResult


class Ladder:
    """The rungs of one search.

    Args:
        name: of the scheduler.
        objectives: names of the scores that the rule weighs; the scheduler is given the estimate of one that has it.
        epochs: of a whole trial.

    Raises:
        InvalidInput: there is no such scheduler, it is none, or it cannot judge by these objectives.
    """

    def __init__(self, name: str, objectives: Sequence[str], epochs: int) -> None:
        self.name = name
        self._scheduler = Scheduler.load(name).build(tuple(SCORES[objective].estimate or objective for objective in objectives))
        self.rungs = tuple(self._scheduler.rungs(epochs))
        self._standings: dict[int, dict[int, Standing]] = {rung: {} for rung in self.rungs}
        if not all(0 < rung < epochs for rung in self.rungs) or any(a >= b for a, b in pairwise(self.rungs)):
            raise InvalidInput(f"the scheduler {name!r} has the rungs {self.rungs}: give rising epochs from 1 to {epochs - 1}")
        late = [score for score in objectives if SCORES[score].source == "probe"]
        if self.rungs and late:
            raise InvalidInput(
                f"--scheduler {name} compares trials before they end, but {late[0]}, which --select weighs, is measured when they "
                "have ended: choose another rule, or --scheduler none"
            )

    def note(self, number: int, method: str, result: TrialResult, floor: float) -> None:
        """Take up where a trial stood at every rung that it has come to.

        Args:
            number: of the trial.
            method: that it trains.
            result: what came of it, or where it stands.
            floor: the accuracy below which it is infeasible.
        """
        for rung in self.rungs:
            if rung <= result.epochs:
                scores = result.history[rung - 1].val
                self._standings[rung][number] = Standing(number, method, rung, scores, scores["accuracy"] >= floor)

    def verdict(self, number: int, epoch: int) -> Verdict:
        """Whether a noted trial goes on after this epoch; between rungs it does."""
        if epoch not in self.rungs:
            return "go_on"
        there = self._standings[epoch]
        return self._scheduler.verdict(there[number], [there[other] for other in sorted(there) if other != number])
