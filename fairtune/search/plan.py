"""What a search does next: the baseline, then the trials, then the confirmation on the test split. Knows nothing of Ray.

Whoever runs the jobs asks :meth:`Plan.next` for one and gives its result to :meth:`Plan.finish`; everything worth keeping is in
the study at once, so a search killed at any moment goes on from where it was.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator, Sequence
from typing import Literal

from fairtune.errors import FairtuneError, NoRoom, NoWriting, SearchFault
from fairtune.methods import compose
from fairtune.rules import objectives_of
from fairtune.schedulers import Verdict
from fairtune.search.basis import Basis
from fairtune.search.budget import Budget
from fairtune.search.confirmation import choose, has_other_limits, retrainings, roles_to_confirm, settings_to_confirm
from fairtune.search.earlier import Earlier
from fairtune.search.faults import fault_of
from fairtune.search.jobs import Jobs
from fairtune.search.repeats import Repeats
from fairtune.search.tested import share_tested, take_tested
from fairtune.search.trials import Trials
from fairtune.search.weights import Weights, keep_first
from fairtune.space import Value
from fairtune.spec import Place, SearchSpec, Stop, TrialResult
from fairtune.study.folders import RunFolder
from fairtune.study.jobs import Job, Observer
from fairtune.study.key import JobKey, Kind
from fairtune.study.opening import Opening
from fairtune.study.record import Record
from fairtune.study.study import SearchStudy, trials_to_run
from fairtune.training.trial import failed

_log = logging.getLogger(__name__)
_NOTE_EVERY_S = 15.0


class Plan:
    """The jobs of one search, in order.

    Args:
        spec: the search.
        place: where it runs.
        study: its record, perhaps with a past.
        observers: who watches.
        also: trials of a search that is over which an audit confirms too, whatever the search might spend.
    """

    def __init__(
        self, spec: SearchSpec, place: Place, study: SearchStudy, observers: Sequence[Observer] = (), also: Sequence[int] = ()
    ) -> None:
        self.spec = spec
        self.place = place
        self.study = study
        self.observers = observers
        self.also = also
        self.folder = RunFolder.of(place)
        self.error: FairtuneError | None = None
        self.complete = False
        self._objectives = objectives_of(spec.select)
        self._running: dict[JobKey, Job] = {}
        self._finals: list[Job] | None = None
        self._trials = Trials(spec, study, self.folder)
        self._repeats = Repeats(spec, study)
        self._budget = Budget(spec, place, study)
        self._earlier = Earlier(spec, place.warm_start)
        self._jobs = Jobs(spec, self.folder)
        self._basis = Basis(spec, study, self._jobs, self._budget, observers)
        self._stops: dict[JobKey, Stop] = {}
        self._pauses: set[JobKey] = set()
        self._starved: set[JobKey] = set()
        self._at_a_time = math.inf
        goes_on = study.choice is None or has_other_limits(spec, study, study.choice)
        if study.baseline is not None and goes_on:
            with self._error_ends_search():
                self._basis.check_floor(study.baseline)
        if study.choice is not None and goes_on and self.error is None:
            study.reopen()
            for observer in observers:
                observer.reopened(study.openings)
        self._weights = Weights(
            self.folder, self._objectives, study.views() if study.choice is None else [], moving=spec.seeds_per_trial != 1
        )
        if study.baseline is not None:
            self._basis.announce(study.baseline, found=True)

    def __enter__(self) -> Plan:
        return self

    def __exit__(self, *error: object) -> None:
        """However a session ends, the time that it took is kept."""
        self.study.note_time()

    def tick(self) -> None:
        """Note how time passes, a few times a minute, and look ahead; cheap enough to be called at every turn."""
        self.study.note_time(_NOTE_EVERY_S)
        if self.study.choice is None:
            self._trials.prepare(sum(job.kind == "trial" for job in self._running.values()))

    def next(self) -> Job | Literal["wait", "done"]:
        """A job to start now, or ``wait`` until a running one has ended, or ``done``."""
        self.tick()
        if self.error is not None:
            return "wait" if self._running else "done"
        if len(self._running) >= self._at_a_time:
            return "wait"
        if self.study.baseline is None:
            return self._next_baseline()
        if any(key.is_shared for key in self._running):
            return "wait"
        if self.study.choice is None and (job := self._next_repeat(trials_over=False)) is not None:
            return self._start(job)
        if self._running_kind("trial") and self._trials.is_asking:
            return "wait"
        if self.study.choice is None and (job := self._next_trial()) is not None:
            return self._start(job)
        if self._running_kind("trial"):
            return "wait"
        if self.study.choice is None and (job := self._next_repeat(trials_over=True)) is not None:
            return self._start(job)
        if self._running_kind("repeat"):
            return "wait"
        if (job := self._next_final()) is not None:
            return self._start(job)
        if self._running:
            return "wait"
        if self.error is None:
            self._complete()
        return "done"

    def finish(self, job: Job, result: TrialResult) -> None:
        """Take the result of a job that has ended, or where it stood when it was stopped."""
        stop, pauses = self._runs_no_longer(job)
        if (fault := fault_of(job, result, self.folder.path)) is not None:
            self._hold(job, fault)
            return
        if result.starved and self._can_make_room(job):
            self._keep_for_later(job)
            return
        if result.state == "running":
            result = result.model_copy(update={"state": "pruned", "stopped": stop})
        record = None
        if job.key.is_shared:
            with self._error_ends_search():
                self._basis.accept(job, result)
        elif job.kind == "repeat":
            record = self._end_repeat(job, result)
        elif job.kind == "trial":
            assert job.number is not None
            record = self._end_trial(job, job.number, result, pauses=pauses and result.state == "pruned")
        else:
            self.study.keep_final(job.key, result)
            share_tested(self.spec, self.folder, job, result)
            if not self.place.keep_finals:
                keep_first(self.spec, self.study, self.folder, job.spec)
        self._budget.end(job, result)
        for observer in self.observers:
            observer.job_finished(job, result, record)

    def hand_back(self, job: Job) -> None:
        """Take a job back that has not ended because its worker died: it is handed out again, before any other of its kind."""
        self._runs_no_longer(job)
        self._keep_for_later(job)

    @contextlib.contextmanager
    def _error_ends_search(self) -> Iterator[None]:
        """End the search with an error that is raised in here."""
        try:
            yield
        except FairtuneError as error:
            self.error = error

    def _runs_no_longer(self, job: Job) -> tuple[Stop | None, bool]:
        """Take a job from those that run; by what it was stopped, if it was, and whether it is to be taken up again."""
        self._running.pop(job.key, None)
        self._budget.drop(job)
        stop, pauses = self._stops.pop(job.key, None), job.key in self._pauses
        self._pauses.discard(job.key)
        return stop, pauses

    def _end_trial(self, job: Job, number: int, result: TrialResult, *, pauses: bool) -> Record:
        if pauses:
            return self._trials.pause(number, result)
        record = self.study.tell(number, result)
        if (view := record.view) is not None:
            self._weights.keep(view)
        job.folder.drop_checkpoints()
        return record

    def _end_repeat(self, job: Job, result: TrialResult) -> Record:
        """Keep the scores of one more seed; nobody asks for its net."""
        record = self.study.keep_repeat(job.key, result)
        job.folder.remove()
        return record

    def verdict(self, job: Job, standing: TrialResult) -> Verdict:
        """Whether a running trial goes on: asks the scheduler, then the budget. Other jobs always go on.

        Args:
            job: the trial's.
            standing: where it stands, reported at least at each of its rungs.
        """
        self.tick()
        if standing.state == "running":
            self._budget.note(job, standing)
        if job.kind != "trial" or standing.state != "running":
            return "go_on"
        assert job.number is not None
        verdict = self._trials.verdict(job.number, standing)
        spent = self._budget.spent if verdict == "go_on" else None
        if spent:
            verdict = "stop"
        if verdict != "go_on":
            self._stops[job.key] = Stop(by=spent or self.spec.scheduler, epoch=standing.epochs)
        if verdict == "pause" or spent:
            self._pauses.add(job.key)
        return verdict

    def move(self, place: Place) -> None:
        """Go on with other shares of GPUs."""
        self.place = place
        self._budget.move(place)

    def interrupted(self) -> None:
        """Tell the observers that the user wants to stop."""
        for observer in self.observers:
            observer.interrupted()

    def _complete(self) -> None:
        if self.complete:
            return
        self.complete = True
        if self.folder.shelf is not None:
            self.folder.shelf.clear()
        if not self.study.complete:
            self.study.note_time()
            self.study.keep_complete()

    def _start(self, job: Job) -> Job:
        """Start a job, or in its place its teacher where that has to be trained first."""
        if (teacher := self._basis.missing(job)) is not None:
            self._keep_for_later(job)
            job = teacher
        if job.kind in ("trial", "repeat"):
            self.study.note_trials_begin()
        self._running[job.key] = job
        self._budget.begin(job)
        for observer in self.observers:
            observer.job_started(job)
        return job

    def _running_kind(self, kind: Kind) -> bool:
        return any(job.kind == kind for job in self._running.values())

    def _next_baseline(self) -> Job | Literal["wait", "done"]:
        if self._running:
            return "wait"
        job = self._basis.baseline()
        if (known := job.folder.read_trained()) is None:
            return self._start(job)
        with self._error_ends_search():
            self._basis.accept(job, known, found=True)
        self._budget.end(job, known)
        return self.next()

    def _hold(self, job: Job, fault: SearchFault) -> None:
        """Stop the search, whose job waits until it goes on; not where it lacks a teacher that can be trained again."""
        if isinstance(fault, NoRoom | NoWriting):
            self.error = fault
        elif self._basis.missing(job) is None:
            self.error = SearchFault(f"{fault}\nIts trials wait: mend that, then go on with fairtune resume {self.folder.path}")
        self._keep_for_later(job)

    def _can_make_room(self, job: Job) -> bool:
        """Whether a job that ran out of memory is tried again among fewer: once, where it was not alone."""
        if not self._running or job.key in self._starved:
            return False
        self._starved.add(job.key)
        self._at_a_time = len(self._running)
        _log.warning(f"{job.key} ran out of memory: it is tried again, and from now on {self._at_a_time} run at a time")
        return True

    def _keep_for_later(self, job: Job) -> None:
        """Keep a job for later."""
        if job.kind == "trial":
            assert job.number is not None
            self._trials.hand_back(job.number)
        elif job.kind == "repeat":
            self._repeats.hand_back(job.key)
        elif job.kind == "final":
            assert self._finals is not None
            self._finals.insert(0, job)

    def _next_trial(self) -> Job | None:
        while self.error is None and (asked := self._trials.next(new=self._budget.lets_begin)) is not None:
            job = self._trial_job(*asked)
            ended = job.folder.read_ended(job.spec) or self._basis.take_over(job) or self._earlier.take_over(job)
            if ended is None:
                return job
            self._trials.know(asked[0], ended)
            self._settle(job, ended)
        return None

    def _next_repeat(self, *, trials_over: bool) -> Job | None:
        while self.error is None and (key := self._repeats.next(trials_over=trials_over, new=self._budget.lets_repeat)) is not None:
            assert key.number is not None
            assert key.again is not None
            first = self.study.result(key.number)
            assert first is not None
            job = self._jobs.make(key, self.spec.repeat(first.spec, key.again))
            if (ended := job.folder.read_ended(job.spec)) is None or self._basis.missing(job) is not None:
                return job
            self._settle(job, ended)
        return None

    def _settle(self, job: Job, result: TrialResult) -> None:
        """End a job whose result is known already: it ended as the search was killed, or after the study was copied."""
        for observer in self.observers:
            observer.job_started(job)
        self.finish(job, result)

    def _trial_job(self, number: int, method: str, values: dict[str, Value]) -> Job:
        every_value = {**self.spec.spaces[method].fixed, **values}
        spec = self.spec.trial(method, every_value, needs_baseline=compose(method, every_value).needs_baseline)
        job = self._jobs.make(JobKey.trial(number), spec)
        return job._replace(rungs=self._trials.rungs(number))

    def _next_final(self) -> Job | None:
        if self._finals is None and self.error is None:
            self._finals = self._to_confirm()
        while self.error is None and (job := self._next_unblocked()) is not None:
            ended = job.folder.read_ended(job.spec) or take_tested(self.spec, self.folder, job) or self._untaught(job)
            if ended is not None:
                self._settle(job, ended)
            elif self._lets_confirm(job):
                return job
        return None

    def _next_unblocked(self) -> Job | None:
        """The next retraining that does not wait for the net of another one; None if none is left, or all wait."""
        left = self._finals or []
        unended = [job.spec for job in (*left, *self._running.values()) if job.kind == "final"]
        ready = next((job for job in left if job.spec.teacher not in unended), None)
        if ready is not None:
            left.remove(ready)
        return ready

    def _untaught(self, job: Job) -> TrialResult | None:
        """How a retraining has failed that was to go on from a retrained baseline which has failed; None if there is none such."""
        taught_by = (final for final in self.study.finals.values() if final.spec == job.spec.teacher)
        lost = next((final for final in taught_by if final.state != "complete"), None)
        return None if lost is None else failed(job.spec, f"the baseline on its seed could not be trained: {lost.error}")

    def _ended_by(self) -> str | None:
        """The limit that left trials untried."""
        return self._budget.ends_by if self.study.own < trials_to_run(self.spec) else None

    def _to_confirm(self) -> list[Job]:
        """The retrainings that are left; with the first of them the test split is opened."""
        self._trials.end()
        try:
            if (choice := self.study.choice) is None:
                choice = choose(self.spec, self.study, self._ended_by())
                self._weights.judge(self.study.views())
        except FairtuneError as error:
            self.error = error
            return []
        roles = roles_to_confirm(choice, self.also)
        settings = settings_to_confirm(self.spec, self.study, roles)
        every = [self._jobs.make(key, spec) for key, spec in retrainings(self.spec, self.study, settings)]
        jobs = [job for job in every if self._lets_confirm(job)]
        if jobs:
            self.study.keep_opening(Opening.now(settings, [job.key for job in jobs]))
            for observer in self.observers:
                observer.confirming(roles, jobs)
        return jobs

    def _lets_confirm(self, job: Job) -> bool:
        return bool(self.also) or self._budget.lets_confirm(job)
