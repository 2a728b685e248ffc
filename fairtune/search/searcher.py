"""The plan as Ray Tune's search algorithm, stopper and callback."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ray.tune import Callback, Stopper
from ray.tune.search import Searcher

from fairtune.search.plan import Plan
from fairtune.search.shared import Shared
from fairtune.search.trainable import JobConfig, job_config
from fairtune.search.watch import Retries, TuneTrial
from fairtune.spec import TrialResult
from fairtune.study.jobs import Job
from fairtune.study.key import JobKey
from fairtune.training.steps import read_step
from fairtune.training.trial import failed

T = TypeVar("T")

_LOOK_EVERY_S = 1.0
Report = Mapping[str, object]
"""What a worker reports, as Tune hands it on."""


class PlanSearcher(Searcher):
    """Hands the plan's jobs to Tune and the results to the plan.

    Ray's own Optuna searcher cannot do this: it loses constraints, tells stopped trials as complete and leaves diverged ones
    running. Tune's snapshot of a searcher is not used either, because the study holds everything.

    Args:
        plan: the search.
        shared: its right to train what other searches may want too.
        may_go_on: raises what the search ends with where somebody wants it to end.
        enough: whether no more jobs are wanted for now, although the plan has some.
    """

    def __init__(
        self, plan: Plan, shared: Shared, may_go_on: Callable[[], None], enough: Callable[[], bool] = lambda: False
    ) -> None:
        super().__init__()
        self._enough = enough
        self.plan = plan
        self.jobs: dict[str, Job] = {}
        self._trouble: Exception | None = None
        self._may_go_on = may_go_on
        self._shared = shared
        self._heard: dict[JobKey, tuple[str, TrialResult]] = {}
        self._retries = Retries()

    def may_go_on(self) -> None:
        """Raise what the search ends with: what the plan met, or somebody's wish."""
        if self._trouble is not None:
            raise self._trouble
        self._may_go_on()

    def safely(self, told: Callable[[], T], otherwise: T) -> T:
        """What the plan answers where Tune would not let its errors through, but show them and go on: the loop's next turn ends.

        Args:
            told: calls the plan.
            otherwise: the answer where the plan raises.
        """
        try:
            return told()
        except Exception as error:
            self._trouble = self._trouble or error
            return otherwise

    def suggest(self, trial_id: str) -> JobConfig | str | None:  # type: ignore[override]  # Ray's own type forgets FINISHED
        """The next job's configuration; None while the plan must wait, or another search trains the same baseline."""
        self.may_go_on()
        if self._enough():
            return Searcher.FINISHED
        job = self._shared.allowed(self.plan)
        if isinstance(job, str):
            return Searcher.FINISHED if job == "done" else None
        self.jobs[trial_id] = job
        return job_config(job, self.plan.place)

    def on_trial_complete(self, trial_id: str, result: Report | None = None, error: bool = False) -> None:
        """Tell the plan what came of a job, or have it handed out again if its worker has died."""
        job = self.jobs.get(trial_id)
        if job is None:
            return
        if result is not None and "trial" in result:
            self.heard(trial_id, result)
        del self.jobs[trial_id]
        self._shared.ended(job)
        _, last = self._heard.get(job.key, ("", None))
        if error or last is None:
            if self._retries.again(job.key, last.epochs if last else 0):
                self.safely(lambda: self.plan.hand_back(job), None)
                return
            reason = "its worker process died, as did those that took over and got no further (out of memory, or killed)"
            last = (last or failed(job.spec, reason)).model_copy(update={"state": "failed", "error": reason, "starved": True})
        ended = last
        self._heard.pop(job.key, None)
        self._retries.over(job.key)
        self.safely(lambda: self.plan.finish(job, ended), None)

    def heard(self, trial_id: str, result: Report) -> TrialResult:
        """Where a running trial stands by what it reports, which is parsed once, whoever asks."""
        key, text = self.jobs[trial_id].key, str(result["trial"])
        if result.get("must_go"):
            self._retries.must_go(key)
        if key not in self._heard or self._heard[key][0] != text:
            self._heard[key] = text, TrialResult.model_validate_json(text)
        return self._heard[key][1]

    def __getstate__(self) -> dict[str, object]:
        """Nothing goes into Tune's own snapshots: the plan holds a live terminal and a database."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the study is the record."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: the study is the record."""


class Ending(Callback):
    """Ends Tune's loop where the search may not go on; Tune then lets every worker keep its training, for at most 15 seconds."""

    def __init__(self, searcher: PlanSearcher) -> None:
        self.searcher = searcher

    def on_step_begin(self, iteration: int, trials: Sequence[TuneTrial], **info: object) -> None:
        """Called at every turn of Tune's loop, some times a second."""
        self.searcher.may_go_on()


class PlanStopper(Stopper):
    """Stops the running trials that the plan stops."""

    def __init__(self, searcher: PlanSearcher) -> None:
        self.searcher = searcher

    def __call__(self, trial_id: str, result: Report) -> bool:
        """Whether to stop one trial."""
        job = self.searcher.jobs.get(trial_id)
        if job is None:
            return False
        standing = self.searcher.heard(trial_id, result)
        return self.searcher.safely(lambda: self.searcher.plan.verdict(job, standing) != "go_on", otherwise=False)

    def stop_all(self) -> bool:
        """Never: the confirmation still has to run."""
        return False


class ProgressCallback(Callback):
    """Passes on what running trials report, how far their epochs are, and that time passes while they report nothing.

    Args:
        searcher: knows the jobs.
        clock: seconds that pass.
    """

    def __init__(self, searcher: PlanSearcher, clock: Callable[[], float] = time.monotonic) -> None:
        self.searcher = searcher
        self._clock = clock
        self._looked = clock()

    def on_step_begin(self, iteration: int, trials: Sequence[TuneTrial], **info: object) -> None:
        """Called at every turn of Tune's loop, some times a second."""
        self.searcher.plan.tick()
        if self._clock() - self._looked >= _LOOK_EVERY_S:
            self._looked = self._clock()
            self._tell_steps()

    def _tell_steps(self) -> None:
        """Tell the observers how far epochs are, where the workers' folders are seen from here."""
        for job in self.searcher.jobs.values():
            if (step := read_step(job.folder.step)) is not None:
                for observer in self.searcher.plan.observers:
                    observer.job_stepped(job, step)

    def on_trial_result(
        self, iteration: int, trials: Sequence[TuneTrial], trial: TuneTrial, result: Report, **info: object
    ) -> None:
        """Tell the observers where a trial stands."""
        job = self.searcher.jobs.get(trial.trial_id)
        if job is not None:
            standing = self.searcher.heard(trial.trial_id, result)
            for observer in self.searcher.plan.observers:
                observer.job_progressed(job, standing)
