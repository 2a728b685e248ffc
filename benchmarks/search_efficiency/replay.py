"""One search on a recorded table: the real sampler, scheduler and rule, workers in virtual time, no training."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from benchmarks.search_efficiency.estimates import ESTIMATES
from benchmarks.search_efficiency.grids import Recorded, Setting
from benchmarks.search_efficiency.policies import Policy, spec_of, values_of
from benchmarks.search_efficiency.table import FLOOR_BELOW_BASELINE, Table
from fairtune.metrics import SCORES, accuracy
from fairtune.records import GroupCounts
from fairtune.rules import View
from fairtune.samplers import Outcome, Proposals
from fairtune.schedulers import Ladder
from fairtune.spec import Direction, Epoch, SearchSpec, TrialResult
from fairtune.study.baseline import Baseline

OBJECTIVES = ("accuracy", "deo_m")
_DIRECTIONS: tuple[Direction, ...] = ("maximize", "minimize")


class Trained(NamedTuple):
    """A trial that was trained to its end.

    Attributes:
        spent: epochs of all trials together when it ended.
        setting: which of the table's.
        view: as a rule sees it.
    """

    spent: int
    setting: int
    view: View


class Remembered(GroupCounts):
    """Group counts of which there is one object for each training and epoch."""

    __hash__ = object.__hash__


class Scores:
    """What a search reads off one replicate of a table.

    Args:
        table: the table.
        replicate: which one.
        estimate: what stands for DEO_M, by its name in :data:`ESTIMATES`.
    """

    def __init__(self, table: Table, replicate: int, estimate: str) -> None:
        self._table, self._replicate, self._estimate = table, replicate, ESTIMATES[estimate]
        self.epochs = table.length
        self.at = cache(self._at)
        self.counts = cache(self._counts)
        history = tuple(Epoch.model_construct(number=epoch, val=self.at(0, epoch)) for epoch in range(1, table.length + 1))
        counts = self.counts(0, table.length)
        trained = TrialResult.model_construct(state="complete", history=history, val=history[-1].val, val_counts=counts)
        self.baseline = Baseline(trained, history[-1].val["accuracy"] - FLOOR_BELOW_BASELINE)

    def _counts(self, setting: int, epoch: int) -> Remembered:
        counts = self._table.val.at(setting, self._replicate, epoch - 1)
        return Remembered(counts.hard, counts.soft)

    @property
    def floor(self) -> float:
        """The accuracy that a trained setting must reach."""
        return self.baseline.floor

    def _at(self, setting: int, epoch: int) -> dict[str, float]:
        """The scores of a setting after an epoch, from 1; NaN where it had diverged before."""
        if epoch > self._table.epochs[setting, self._replicate]:
            return _val(math.nan, math.nan)
        counts = self.counts(setting, epoch)
        return _val(accuracy(counts, weighting="cells"), self._estimate(counts))


def _val(accuracy: float, gap: float) -> dict[str, float]:
    """Scores of which whatever ranks sees the gap, whether it looks at DEO_M or at what it ranks DEO_M by."""
    return {"accuracy": accuracy, "deo_m": gap, str(SCORES["deo_m"].estimate): gap}


class Replay:
    """A search, told what real trainings came to.

    Args:
        recorded: what the table holds.
        table: the table.
        replicate: the one whose trainings are the trials.
        policy: how to search.
        scores: of the replicate, by the policy's estimate; shared by the searches on it.
        epochs: budget; trials that run when it is spent are trained on.
        workers: trials at a time.
        seed: of the sampler.
    """

    def __init__(
        self,
        recorded: Recorded,
        table: Table,
        replicate: int,
        policy: Policy,
        scores: Scores,
        *,
        epochs: int,
        workers: int,
        seed: int,
    ) -> None:
        self._recorded, self._table, self._replicate, self._policy, self._scores = recorded, table, replicate, policy, scores
        self._budget, self._workers = epochs, workers
        self._spec: SearchSpec = spec_of(policy, recorded, trials=max(1, epochs // table.length), seed=seed)
        self._proposals = Proposals(self._spec, _DIRECTIONS)
        self._ladder = Ladder(policy.scheduler, OBJECTIVES, table.length)
        self._stops = (*self._ladder.rungs, table.length)
        self._trials: dict[int, tuple[Setting, int]] = {}
        self._places: dict[int, int] = {}
        self._at: dict[int, int] = {}
        self._turns: list[tuple[int, int]] = []
        self._promised = 0
        self.spent = 0
        self.trained: list[Trained] = []

    def run(self) -> list[Trained]:
        """The trials that ended, in the order in which they did."""
        for _ in range(self._workers):
            self._begin(0)
        while self._turns:
            now, number = heapq.heappop(self._turns)
            stretch, epoch = self._stretch(number), self._stops[self._at[number]]
            self._promised -= stretch
            self.spent += stretch
            if self._goes_on(number, epoch):
                self._at[number] += 1
                if self._train(number, now):
                    continue
            self._begin(now)
        return self.trained

    def _begin(self, now: int) -> None:
        """Give a free worker a trial that waits at a rung, or else a new one, if the budget allows it."""
        if self.spent + self._promised + self._stops[0] > self._budget:
            return
        number = self._ladder.take_up()
        if number is not None:
            self._proposals.take_up(number, self._trials[number][0].method)
            self._at[number] += 1
        elif (number := self._ask()) is None:
            return
        if not self._train(number, now):
            self._begin(now)

    def _ask(self) -> int | None:
        number = len(self._trials)
        proposal = self._proposals.propose(number)
        if proposal is None or (self._policy.grid and proposal.point is None):
            return None
        setting = Setting(proposal.method, values_of(self._recorded, proposal.method, proposal.values))
        self._places[number] = sum(other[0] == proposal.method for other, _ in self._trials.values())
        self._trials[number] = setting, self._table.number(setting)
        self._at[number] = 0
        return number

    def _train(self, number: int, now: int) -> bool:
        """Begin a trial's stretch to its next stop, unless that is more than the budget has."""
        stretch = self._stretch(number)
        if self.spent + self._promised + stretch > self._budget:
            return False
        self._promised += stretch
        heapq.heappush(self._turns, (now + stretch, number))
        return True

    def _stretch(self, number: int) -> int:
        at = self._at[number]
        return self._stops[at] - (self._stops[at - 1] if at else 0)

    def _goes_on(self, number: int, epoch: int) -> bool:
        """Take where a trial stands; whether it is trained on."""
        (method, values), setting = self._trials[number]
        if epoch > self._table.epochs[setting, self._replicate]:
            self._proposals.tell(number, method, Outcome("failed"))
            return False
        if epoch < self._table.length:
            return self._passes(number, epoch)
        val = self._scores.at(setting, epoch)
        excess = self._scores.floor - val["accuracy"]
        self._proposals.tell(number, method, Outcome("complete", self._objectives(val), excess if self._policy.constraint else 0.0))
        self.trained.append(Trained(self.spent, setting, View(number, values, dict(val), excess <= 0)))
        return False

    def _passes(self, number: int, epoch: int) -> bool:
        (method, _), setting = self._trials[number]
        self._ladder.note(number, method, self._standing(setting, epoch), self._lacking, self._places[number])
        verdict = self._ladder.verdict(number, epoch)
        if verdict == "go_on":
            return True
        self._proposals.tell(number, method, Outcome("pruned"))
        if verdict == "pause":
            self._ladder.wait(number, epoch)
        return False

    def _lacking(self, accuracy: float, epoch: int) -> float:
        """What the scheduler is told of the floor: by how much a trial will miss it, or nothing."""
        if not (self._policy.constraint and self._policy.early_floor):
            return 0.0
        return self._scores.baseline.lacking(accuracy, epoch, self._table.length)

    def _standing(self, setting: int, epoch: int) -> TrialResult:
        history = tuple(
            Epoch.model_construct(number=number, val=self._shown(self._scores.at(setting, number)))
            for number in range(1, epoch + 1)
        )
        counts = self._scores.counts(setting, epoch)
        return TrialResult.model_construct(spec=self._spec.baseline(), state="running", history=history, val_counts=counts)

    def _shown(self, val: Mapping[str, float]) -> dict[str, float]:
        """What sampler and scheduler are told: with accuracy alone, it stands for both objectives."""
        return _val(val["accuracy"], 1 - val["accuracy"]) if self._policy.accuracy_only else dict(val)

    def _objectives(self, val: Mapping[str, float]) -> list[float]:
        return [self._shown(val)[name] for name in OBJECTIVES]
