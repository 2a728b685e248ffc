"""What all trials of a search rest on: its baseline, a teacher that is another net, and the baselines of further folds."""

from __future__ import annotations

from collections.abc import Sequence

from fairtune.errors import FairtuneError, InvalidInput, NoBaseline, SearchFault
from fairtune.metrics import reaches
from fairtune.search.budget import Budget
from fairtune.search.jobs import Jobs
from fairtune.search.tested import take_tested_teacher
from fairtune.spec import SearchSpec, TrialResult, TrialSpec
from fairtune.study.baseline import Baseline, floor_on
from fairtune.study.jobs import Job, Observer
from fairtune.study.key import JobKey
from fairtune.study.study import SearchStudy


class Basis:
    """The nets that a search trains before what needs them.

    Args:
        spec: the search.
        study: its record, perhaps with a past.
        jobs: makes its jobs.
        budget: is told what is found.
        observers: who watches.
    """

    def __init__(self, spec: SearchSpec, study: SearchStudy, jobs: Jobs, budget: Budget, observers: Sequence[Observer]) -> None:
        self._spec = spec
        self._study = study
        self._jobs = jobs
        self._budget = budget
        self._observers = observers

    def baseline(self) -> Job:
        """The training of the baseline."""
        return self._jobs.make(JobKey("baseline"), self._spec.baseline())

    def accept(self, job: Job, result: TrialResult, *, found: bool = False) -> None:
        """Take the end of a job of theirs.

        Args:
            job: ``baseline``, ``teacher`` or ``fold``.
            result: what it came to.
            found: whether an earlier search has trained it.

        Raises:
            FairtuneError: it failed, is not kept where this search reads, or no accuracy could reach the floor that it sets.
        """
        if job.kind == "fold":
            self._accept_fold(job, result)
        elif result.state != "complete":
            raise NoBaseline(f"the {job.kind} could not be trained: {result.error}")
        elif job.kind == "baseline" and self._study.baseline is None:
            baseline = Baseline(result, floor_on("val", self._spec.accuracy_floor, result))
            self.check_floor(baseline)
            self._study.keep_baseline(baseline)
            self.announce(baseline, found=found)
        else:  # a teacher, or a baseline that is trained again because its net had gone: the floor stands
            _check_kept(job)

    def announce(self, baseline: Baseline, *, found: bool) -> None:
        """Tell the observers of the baseline."""
        for observer in self._observers:
            observer.baseline_ready(baseline.result, baseline.floor, found=found)

    def check_floor(self, baseline: Baseline) -> None:
        """Refuse to try anything where no accuracy could reach the floor.

        Raises:
            InvalidInput: none could.
        """
        if not reaches(1.0, baseline.floor):
            accuracy = baseline.result.val["accuracy"]
            raise InvalidInput(
                f"--accuracy-floor {self._spec.accuracy_floor} asks for accuracy {baseline.floor:.4f}, and none is above 1: the "
                f"baseline has {accuracy:.4f}. Begin another search with a number from 0 to 1, or an offset of less than "
                f"{1 - accuracy:.4f}; the baseline is not trained again"
            )

    def take_over(self, job: Job) -> TrialResult | None:
        """The baseline as a trial's result, its net now the trial's too, where the trial would be the same training; else None."""
        known = self._study.baseline
        if known is None or job.spec != known.result.spec:
            return None
        result = known.result.model_copy(update={"taken_from": f"{self._jobs.run.path.name}/baseline"})
        source = self.baseline().folder
        job.folder.keep_copied(source.weights if source.has_weights() else None, result)
        return result

    def missing(self, job: Job) -> Job | None:
        """The training of a job's teacher, if it has one that is not there: not trained yet, or lost with its folder.

        Of a repeat on another fold it is the fold's baseline, which sets a floor too.
        """
        if job.key.again is not None and (fold := self._spec.fold_of(job.key.again)) > 0:
            return self._missing_fold(job, fold)
        teacher = job.spec.teacher
        return None if teacher is None else self._missing_teacher(job, teacher)

    def _missing_fold(self, job: Job, fold: int) -> Job | None:
        baseline = self._jobs.make(JobKey.of_fold(fold), self._spec.on_fold(fold).baseline())
        known = baseline.folder.read_trained()
        if known is not None and baseline.key not in self._study.folds:
            self._study.keep_fold(baseline.key, known)
            self._budget.end(baseline, known)
        needed = job.spec.teacher is not None or baseline.key not in self._study.folds
        return baseline if known is None and needed else None

    def _missing_teacher(self, job: Job, teacher: TrialSpec) -> Job | None:
        key = JobKey("baseline" if teacher == self._spec.baseline() else "teacher")
        training = self._jobs.make(key, teacher)
        if training.folder.read_trained() is not None:
            return None
        return None if job.kind == "final" and take_tested_teacher(self._jobs.run, teacher) else training

    def _accept_fold(self, job: Job, result: TrialResult) -> None:
        if result.state != "complete":
            raise FairtuneError(f"the baseline of {job.key} could not be trained: {result.error}")
        self._study.keep_fold(job.key, result)
        _check_kept(job)


def _check_kept(job: Job) -> None:
    """A net that its worker has kept must be here too, or it would be trained for ever."""
    if job.folder.read_trained() is None:
        raise SearchFault(
            f"the {job.kind} was trained but its net is not in {job.folder.path}: give --runs a folder that all machines "
            "share, or --storage"
        )
