"""Baselines and teachers are shared by the searches of a folder; one search trains each, others wait for it."""

from __future__ import annotations

from typing import Literal

from fairtune.locks import Lock
from fairtune.search.plan import Plan
from fairtune.study.jobs import Job
from fairtune.study.key import JobKey


class Shared:
    """The trainings of one search that others may want too, and its right to them, which ends with the block."""

    def __init__(self) -> None:
        self._locks: dict[JobKey, Lock] = {}
        self._waiting: tuple[Job, Lock] | None = None

    def __enter__(self) -> Shared:
        return self

    def __exit__(self, *error: object) -> None:
        for lock in self._locks.values():
            lock.release()

    def allowed(self, plan: Plan) -> Job | Literal["wait", "done"]:
        """What the plan does next, unless another search does it: then wait, and take over what came of it."""
        if self._waiting is not None:
            return self._allowed(plan, *self._waiting, asked_before=True)
        job = plan.next()
        if isinstance(job, str) or not job.key.is_shared:
            return job
        return self._allowed(plan, job, Lock(job.folder.lock, f"the {job.kind} {job.spec.id}"), asked_before=False)

    def ended(self, job: Job) -> None:
        """Let others know that a training has ended."""
        if job.key in self._locks:
            self._locks.pop(job.key).release()

    def _allowed(self, plan: Plan, job: Job, lock: Lock, *, asked_before: bool) -> Job | Literal["wait", "done"]:
        self._waiting = None
        if not lock.take():
            if not asked_before:
                lock.say()
            self._waiting = job, lock
            return "wait"
        trained = job.folder.read_trained()
        if trained is None:
            self._locks[job.key] = lock
            return job
        lock.release()
        plan.finish(job, trained)
        return self.allowed(plan)
