"""What Tune's loop does not notice or say: that Ray or a worker has died, and that a trial waits for what the cluster has not."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import ray
from ray._private import worker
from ray._private.node import Node
from ray.tune import Callback

from fairtune.search.demand import Amounts, in_words
from fairtune.study.key import JobKey

_log = logging.getLogger(__name__)
_SILENCE_S = 8.0
_DIED = "the worker of {} died: another goes on from its checkpoint"
_MOVES = "the node of {} is about to be taken away: a worker of another goes on from its checkpoint"


class TuneTrial(Protocol):
    """What Tune calls a trial: one of our jobs."""

    @property
    def status(self) -> str:
        """``PENDING``, ``RUNNING`` and so on."""

    @property
    def trial_id(self) -> str:
        """Tune's name of it."""

    @property
    def num_failures(self) -> int:
        """How often its worker has died."""

    max_failures: int
    """How often it may die."""


class _Keyed(Protocol):
    @property
    def key(self) -> JobKey: ...


class RayDied(BaseException):
    """One of Ray's processes on this machine has died.

    It is no ``Exception``, after which Tune would ask what has died to clean up: without an answer in a minute, Ray's core ends
    this process where it stands.
    """


def check_alive() -> None:
    """Whether the Ray that this process started still runs; Tune would wait for it without end.

    Raises:
        RayDied: one of its processes has died.
    """
    node = _node()
    if node is not None and (dead := sorted({str(kind) for kind, _ in node.dead_processes()})):
        _log.warning(f"Ray's {' and '.join(dead)} died: ending the search")
        raise RayDied(f"Ray's {' and '.join(dead)} died on this machine, perhaps for lack of memory")


class Retries(Callback):
    """Has a job whose worker has died taken over, as often as it gets further; says so.

    Over days on machines that may be taken away, workers die more often than a number set in advance would allow.

    Args:
        jobs: what Tune's trials are, by their ids.
        epochs: how far one of them has got.
    """

    IN_VAIN = 2
    """How often a job is taken over without getting further."""

    def __init__(self, jobs: Mapping[str, _Keyed], epochs: Callable[[str], int]) -> None:
        self._jobs = jobs
        self._epochs = epochs
        self._furthest: dict[str, int] = {}
        self._moving: set[str] = set()

    def on_trial_result(
        self, iteration: int, trials: Sequence[TuneTrial], trial: TuneTrial, result: Mapping[str, object], **info: object
    ) -> None:
        """Called when a job reports."""
        if result.get("must_go"):
            self._moving.add(trial.trial_id)

    def on_trial_recover(self, iteration: int, trials: Sequence[TuneTrial], trial: TuneTrial, **info: object) -> None:
        """Called when a job is about to be retried."""
        moves, reached = trial.trial_id in self._moving, self._epochs(trial.trial_id)
        self._moving.discard(trial.trial_id)
        _log.warning((_MOVES if moves else _DIED).format(self._jobs[trial.trial_id].key))
        if moves or reached > self._furthest.get(trial.trial_id, 0):
            self._furthest[trial.trial_id] = reached
            trial.max_failures = trial.num_failures + self.IN_VAIN


def _node() -> Node | None:
    node: Node | None = worker._global_node
    return node


class WaitNotice(Callback):
    """Says what is awaited as long as trials are pending and none runs.

    Args:
        needs: what a trial asks for.
        have: what the cluster has.
        clock: seconds that pass.
    """

    def __init__(
        self,
        needs: Amounts,
        have: Callable[[], Amounts] = ray.cluster_resources,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._needs = needs
        self._have = have
        self._clock = clock
        self._since: float | None = None
        self._silence = _SILENCE_S

    def on_step_begin(self, iteration: int, trials: Sequence[TuneTrial], **info: object) -> None:
        """Called at every turn of Tune's loop, some times a second."""
        states = {trial.status for trial in trials}
        if "RUNNING" in states or "PENDING" not in states:
            self._since, self._silence = None, _SILENCE_S
            return
        now = self._clock()
        self._since = now if self._since is None else self._since
        if now - self._since >= self._silence:
            self._silence = 2 * self._silence
            wanted, seen = (in_words(amounts, self._needs) for amounts in (self._needs, self._have()))
            _log.warning(f"waiting {now - self._since:.0f} s for a worker with {wanted}; the cluster has {seen} in all")
