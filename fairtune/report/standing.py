"""Where the trainings under way are, to the step, and when a log file is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fairtune.spec import TrialResult
from fairtune.study.jobs import Job
from fairtune.study.key import JobKey
from fairtune.training.steps import Step

SILENCE_S = 60.0
"""After which a log file is told where things are."""


class Standing:
    """The latest step of each training.

    Args:
        clock: seconds that pass.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._steps: dict[JobKey, Step] = {}
        self._said = clock()

    def note(self, job: Job, step: Step) -> None:
        """A training has come to a step."""
        self._steps[job.key] = step

    def said(self) -> None:
        """Something was said just now."""
        self._said = self._clock()

    def step(self, job: Job, result: TrialResult | None) -> Step | None:
        """Where a training is in the epoch after those that it has reported; None where that is not known."""
        step = self._steps.get(job.key)
        return step if step is not None and step.epoch == _trained(result) + 1 else None

    def overdue(self, running: Mapping[JobKey, tuple[Job, TrialResult | None]]) -> str | None:
        """Where everything is, if nothing has been said for long; it counts as said."""
        if not running or self._clock() - self._said < SILENCE_S:
            return None
        self.said()
        return f"running  {'; '.join(self._where(*one) for one in running.values())}"

    def _where(self, job: Job, result: TrialResult | None) -> str:
        step = self.step(job, result)
        if step is None:
            return f"{job.key} {_trained(result)} of {job.spec.epochs} epochs"
        return f"{job.key} epoch {step.epoch} of {job.spec.epochs}, step {step.number} of {step.of}"


def _trained(result: TrialResult | None) -> int:
    return result.epochs if result else 0
