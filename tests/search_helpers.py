"""Small searches on the embedded digits, run in this process by the worker that Ray would run."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.search import trainable
from fairtune.search.plan import Plan
from fairtune.search.trainable import REPORT_EVERY_S, TrialTrainable, job_config
from fairtune.spec import Place, SearchSpec, TrialResult
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.jobs import Job, Observer
from fairtune.study.opening import Opening
from fairtune.study.record import Record
from fairtune.study.study import SearchStudy
from fairtune.training.folder import TrialFolder, baseline_folder
from fairtune.training.steps import Step

SMALL: dict[str, Any] = {
    "epochs": 2,
    "trials": 3,
    "final_seeds": 1,
    "name": "run",
    "accuracy_floor": "0",
    "gpus_per_trial": 0,
    "post_process": "none",
}


def small_search(runs: Path, **options: Any) -> tuple[SearchSpec, Place]:
    """The specification of a search that trains in a few seconds."""
    spec, place = resolve(Request.read(SMALL | {"runs": str(runs), "precision": "fp32"} | options))
    RunFolder.of(place).path.mkdir(parents=True, exist_ok=True)
    return spec, place


class Session:
    """What one process does for a search; a second session on the same folder is a resumed search.

    Attributes:
        trained: the jobs trained here, in order.
    """

    def __init__(
        self, spec: SearchSpec, place: Place, observers: Sequence[Observer] | None = None, study: SearchStudy | None = None
    ) -> None:
        self.spec, self.place = spec, place
        self.folder = RunFolder.of(place)
        self.folder.save(spec, place)
        self.study = study or SearchStudy(database_of(place), spec)
        self.plan = Plan(spec, place, self.study, observers or [])
        self.trained: list[Job] = []

    def run(self, jobs: int | None = None) -> "Session":
        """Train to the end, or this many jobs more."""
        end = None if jobs is None else len(self.trained) + jobs
        while end is None or len(self.trained) < end:
            job = self.plan.next()
            if isinstance(job, str):
                assert job == "done"
                break
            self.plan.finish(job, train(job, self.plan))
            self.trained.append(job)
        return self

    def next_job(self) -> Job:
        """The next job of the plan, which has one now."""
        job = self.plan.next()
        assert isinstance(job, Job), job
        return job

    @property
    def keys(self) -> list[str]:
        """Names of the jobs trained here."""
        return [str(job.key) for job in self.trained]

    @property
    def trials(self) -> list[Record]:
        return self.study.records()


def run_small(runs: Path, **options: Any) -> Session:
    """A whole small search."""
    return Session(*small_search(runs, **options)).run()


def train(job: Job, plan: Plan) -> TrialResult:
    """Train a job as a worker does, until it has ended or the plan stops it; returns where it stands then."""
    kept = _kept(job, plan.place)
    if kept is not None and kept.is_dir():
        return _take(kept, job, plan)
    worker = _worker()
    worker.reset(job_config(job, plan.place))
    reports = 0
    while True:
        step, reports = worker.train(), reports + 1
        standing = TrialResult.model_validate_json(step["trial"])
        for observer in plan.observers:
            observer.job_progressed(job, standing)
        if step["done"] or plan.verdict(job, standing) != "go_on":
            break
    if kept is not None and standing.state == "complete" and reports == 1:
        shutil.copytree(job.folder.path, kept)
    return standing


@contextmanager
def trained_once() -> Iterator[None]:
    """Within, a training that this process has done before is not repeated: its files are copied. For tests of what comes after.

    The same are trainings of one specification for one purpose from one teacher. What began earlier, reports more than once or does
    not complete is trained as ever.
    """
    _Once.on, before = True, _Once.on
    try:
        yield
    finally:
        _Once.on = before


class _Once:
    on = False


@cache
def _trained() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="trained-")


def _kept(job: Job, place: Place) -> Path | None:
    """Where a training that is done once is kept; None for one that has to be done."""
    teacher = job.spec.teacher
    if not _Once.on or job.folder.path.exists() or trainable.REPORT_EVERY_S < REPORT_EVERY_S:
        return None
    if teacher is not None and baseline_folder(Path(place.runs), teacher).read_trained() is None:
        return None
    same = repr((job.spec.model_dump_json(), job.purpose, job.rungs, place.data))
    return Path(_trained().name) / hashlib.sha256(same.encode()).hexdigest()


def _take(kept: Path, job: Job, plan: Plan) -> TrialResult:
    shutil.copytree(kept, job.folder.path)
    result = job.folder.read_ended(job.spec)
    assert result is not None
    for observer in plan.observers:
        observer.job_progressed(job, result)
    return result


@cache
def _worker() -> TrialTrainable:
    class Worker(TrialTrainable):
        def setup(self, config: Mapping[str, object]) -> None:
            """Wait for the first job."""

    worker = Worker({})
    shutil.rmtree(worker.logdir)
    return worker


def crash(folder: TrialFolder) -> None:
    """Put something in the way of a training, so that it crashes when it keeps its weights."""
    folder.weights.mkdir(parents=True)


class Watcher:
    """Notes what a search tells its observers."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def baseline_ready(self, result: TrialResult, floor: float, *, found: bool) -> None:
        self.seen.append(("baseline", result, floor, found))

    def reopened(self, openings: Sequence[Opening]) -> None:
        self.seen.append(("reopened", openings))

    def job_started(self, job: Job) -> None:
        self.seen.append(("started", str(job.key)))

    def job_progressed(self, job: Job, result: TrialResult) -> None:
        self.seen.append(("progressed", str(job.key), result.epochs))

    def job_stepped(self, job: Job, step: Step) -> None:
        self.seen.append(("stepped", str(job.key), step))

    def job_finished(self, job: Job, result: TrialResult, record: Record | None) -> None:
        self.seen.append(("finished", str(job.key), record and record.number))

    def confirming(self, roles: Mapping[str, int], jobs: Sequence[Job]) -> None:
        self.seen.append(("confirming", roles, len(jobs)))

    def interrupted(self) -> None:
        self.seen.append(("interrupted",))

    def events(self, *kinds: str) -> list[tuple[Any, ...]]:
        return [event for event in self.seen if event[0] in kinds]
