"""What Tune's loop does not notice or say: that Ray or a worker has died, and that a trial waits for what the cluster has not."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
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


class Retries:
    """Whether a job whose worker has died is handed out again: as often as it gets further, and a few times in vain; says so.

    Over days on machines that may be taken away, workers die more often than a number set in advance would allow. Tune's own
    retries are not used: it gives a trial up at once, whatever it is allowed, if the worker that takes over dies before it begins.
    """

    IN_VAIN = 2
    """How often a job is handed out again without having got further."""

    def __init__(self) -> None:
        self._furthest: Counter[JobKey] = Counter()
        self._in_vain: Counter[JobKey] = Counter()
        self._moving: set[JobKey] = set()

    def must_go(self, key: JobKey) -> None:
        """Note that a job's worker ends next, because its node is about to be taken away."""
        self._moving.add(key)

    def again(self, key: JobKey, reached: int) -> bool:
        """Whether to hand out a job again whose worker has died.

        Args:
            key: the job's.
            reached: how many epochs it has reported.
        """
        moves = key in self._moving
        self._moving.discard(key)
        if moves or reached > self._furthest[key]:
            self._furthest[key] = max(reached, self._furthest[key])
            self._in_vain[key] = 0
        else:
            self._in_vain[key] += 1
        if self._in_vain[key] > self.IN_VAIN:
            self.over(key)
            return False
        _log.warning((_MOVES if moves else _DIED).format(key))
        return True

    def over(self, key: JobKey) -> None:
        """Forget a job that has ended."""
        del self._furthest[key], self._in_vain[key]
        self._moving.discard(key)


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
