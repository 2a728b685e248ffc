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
from fairtune.rules import View
from fairtune.samplers import Outcome, Proposals
from fairtune.schedulers import Ladder
from fairtune.spec import Epoch, SearchSpec, TrialResult

OBJECTIVES = ("accuracy", "deo_m")
_DIRECTIONS = ("maximize", "minimize")


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
        self.floors = [self.at(0, epoch)["accuracy"] - FLOOR_BELOW_BASELINE for epoch in range(1, table.length + 1)]

    def floor_at(self, epoch: int) -> float:
        """The accuracy that a trial must reach after an epoch, from 1."""
        return self.floors[epoch - 1]

    @property
    def floor(self) -> float:
        """The accuracy that a trained setting must reach."""
        return self.floors[-1]

    def _at(self, setting: int, epoch: int) -> dict[str, float]:
        """The scores of a setting after an epoch, from 1; NaN where it had diverged before."""
        if epoch > self._table.epochs[setting, self._replicate]:
            return _val(math.nan, math.nan)
        counts = self._table.val.at(setting, self._replicate, epoch - 1)
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
        self._running: dict[int, tuple[Setting, int]] = {}
        self.spent = 0
        self.trained: list[Trained] = []

    def run(self) -> list[Trained]:
        """The trials that ended, in the order in which they did."""
        turns: list[tuple[int, int, int]] = []
        for _ in range(self._workers):
            self._begin(0, turns)
        while turns:
            now, number, stop = heapq.heappop(turns)
            epoch = self._stops[stop]
            self.spent += epoch - (self._stops[stop - 1] if stop else 0)
            if self._goes_on(number, epoch):
                heapq.heappush(turns, (now + self._stops[stop + 1] - epoch, number, stop + 1))
            else:
                self._begin(now, turns)
        return self.trained

    def _begin(self, now: int, turns: list[tuple[int, int, int]]) -> None:
        under_way = len(turns) * self._table.length
        number = len(self._running)
        if self.spent + under_way >= self._budget or (proposal := self._proposals.propose(number)) is None:
            return
        if self._policy.grid and proposal.point is None:
            return
        setting = Setting(proposal.method, values_of(self._recorded, proposal.method, proposal.values))
        self._running[number] = setting, self._table.number(setting)
        heapq.heappush(turns, (now + self._stops[0], number, 0))

    def _goes_on(self, number: int, epoch: int) -> bool:
        """Take where a trial stands; whether it is trained on."""
        (method, values), setting = self._running[number]
        if epoch > self._table.epochs[setting, self._replicate]:
            self._proposals.tell(number, method, Outcome("failed"))
            return False
        if epoch < self._table.length:
            self._ladder.note(number, method, self._standing(setting, epoch), self._scores.floor_at)
            if self._ladder.verdict(number, epoch) == "go_on":
                return True
            self._proposals.tell(number, method, Outcome("pruned"))
            return False
        val = self._scores.at(setting, epoch)
        excess = self._scores.floor - val["accuracy"]
        self._proposals.tell(number, method, Outcome("complete", self._objectives(val), excess if self._policy.constraint else 0.0))
        self.trained.append(Trained(self.spent, setting, View(number, values, dict(val), excess <= 0)))
        return False

    def _standing(self, setting: int, epoch: int) -> TrialResult:
        history = tuple(
            Epoch.model_construct(number=number, val=self._shown(self._scores.at(setting, number)))
            for number in range(1, epoch + 1)
        )
        return TrialResult.model_construct(spec=self._spec.baseline(), state="running", history=history)

    def _shown(self, val: Mapping[str, float]) -> dict[str, float]:
        """What sampler and scheduler are told: with accuracy alone, it stands for both objectives."""
        return _val(val["accuracy"], 1 - val["accuracy"]) if self._policy.accuracy_only else dict(val)

    def _objectives(self, val: Mapping[str, float]) -> list[float]:
        return [self._shown(val)[name] for name in OBJECTIVES]
