"""The search mirrored to MLflow: what people browse.

The driver is the only writer and writes in batches. The study stays the truth: a mirror that fails only warns, and
:meth:`Tracker.finish` writes whatever is missing. A run whose job has ended never changes its status; that of a training that was
stopped is ``KILLED`` until the training goes on.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from mlflow.entities import Param, Run, RunTag
from mlflow.exceptions import MlflowException

from fairtune.errors import Interrupted, NoFeasibleTrial, NoRoom, NoWriting
from fairtune.spec import Place, PlugIn, SearchSpec, TrialResult, TrialSpec
from fairtune.study.folders import RunFolder
from fairtune.study.jobs import Job
from fairtune.study.key import JobKey
from fairtune.study.mirror import Mirror
from fairtune.study.opening import Opening
from fairtune.study.record import Record
from fairtune.study.study import SearchStudy
from fairtune.study.summary import Summary
from fairtune.study.teacher import trained_teacher
from fairtune.tracking.creation import creation_of
from fairtune.tracking.inputs import dataset_input
from fairtune.tracking.logged import log_chosen
from fairtune.tracking.moved import artifacts_beside, follow
from fairtune.tracking.naming import nested_params, origin_tags, run_name, trial_params
from fairtune.tracking.outcome import front_table, note, scores_of
from fairtune.tracking.store import Store
from fairtune.tracking.view import view_tag
from fairtune.training.folder import TrialFolder
from fairtune.training.steps import Step

_PARENT = "mlflow.parentRunId"
_JOB = "fairtune.job"
_STOPPED = "fairtune.stopped"
_ENDED = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
_FRONT = "front.json"


class _Ended(NamedTuple):
    """A training that has ended, and whether it is a trial that reaches the floor."""

    key: JobKey
    result: TrialResult
    feasible: bool | None = None


class Tracker:
    """Mirrors one search: an experiment for the dataset, a run for the search, a child run for every training.

    Args:
        spec: the search.
        place: where it runs.
        study: its record.
    """

    def __init__(self, spec: SearchSpec, place: Place, study: SearchStudy) -> None:
        self.spec = spec
        self.place = place
        self.study = study
        self.uri = place.mlflow
        self._database = Path(place.runs) / "mlflow.db"
        self._epochs: dict[JobKey, int] = {}
        self._open: set[JobKey] = set()
        self._parent_open = True
        self._ended: set[JobKey] = set()
        with warnings.catch_warnings(), creation_of(place).or_wait():
            warnings.simplefilter("ignore")
            if place.tracking_uri is None:
                follow(self._database)
            self._store = Store(self.uri)
            self._client = self._store.client
            parent = self._parent()
        self._find_children(parent)
        self._store.safely(self._settle)

    def __enter__(self) -> Tracker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """End the runs of a search that could not go on, or that the user stopped; resuming opens them again."""
        if error is not None and not isinstance(error, NoFeasibleTrial):
            stopped = isinstance(error, Interrupted | NoRoom | NoWriting | KeyboardInterrupt)
            self._store.safely(lambda: self._cut_short("KILLED" if stopped else "FAILED"), whatever_failed_before=True)

    def baseline_ready(self, result: TrialResult, floor: float, *, found: bool) -> None:
        """Note the floor; a baseline that was found gets a child run too."""
        self._store.safely(lambda: self._client.log_metric(self._mirror.run_id, "floor", floor))
        if found:
            self._store.safely(lambda: self._write_ended(_Ended(JobKey("baseline"), result)))

    def reopened(self, openings: Sequence[Opening]) -> None:
        """Open the search's run again."""
        self._parent_open = True
        self._store.safely(lambda: self._client.update_run(self._mirror.run_id, status="RUNNING"))

    def job_started(self, job: Job) -> None:
        """Open the job's child run."""
        taken_up = job.kind == "trial" and job.key in self._ended
        if taken_up:  # whether or not that can be written now
            self._ended.remove(job.key)
        self._store.safely(lambda: self._begin(job, taken_up=taken_up))

    def job_progressed(self, job: Job, result: TrialResult) -> None:
        """Write the epochs trained since the last report."""
        self._store.safely(lambda: self._write_epochs(self._child(job.key, job.spec), job.key, result))

    def job_stepped(self, job: Job, step: Step) -> None:
        """Nothing: MLflow is told of epochs."""

    def job_finished(self, job: Job, result: TrialResult, record: Record | None) -> None:
        """Write the final scores and counts, and end the child run."""
        if job.kind != "trial":
            record = None
        if record is not None and record.result is not None:
            result = result.model_copy(update={"state": record.result.state, "error": record.result.error})
        ended = _Ended(job.key, result, record and record.feasible)
        self._store.safely(lambda: self._write_ended(ended))

    def confirming(self, roles: Mapping[str, int], jobs: Sequence[Job]) -> None:
        """Nothing to mirror yet."""

    def finish(self, summary: Summary, files: list[Path], chosen: Path | None) -> None:
        """Write whatever is missing, the search's own scores and its files, and end its run.

        Args:
            summary: the outcome of the search.
            files: reports and figures to keep as artifacts.
            chosen: folder of the chosen model, or None.
        """
        if not self._store.safely(lambda: self._finish(summary, files, chosen), whatever_failed_before=True):
            folder = RunFolder.of(self.place).path
            logging.getLogger(__name__).warning(f"MLflow lacks records of the search: fairtune resume {folder} writes them")

    def interrupted(self) -> None:
        """Nothing yet: the trainings under way are about to be kept."""

    def _begin(self, job: Job, *, taken_up: bool) -> None:
        if taken_up:
            tags = [RunTag(_STOPPED, "no longer: taken up again")]
            self._client.log_batch(self._child(job.key, job.spec), tags=tags)
        if job.key not in self._ended:
            self._client.update_run(self._child(job.key, job.spec), status="RUNNING")
            self._open.add(job.key)

    def _settle(self) -> None:
        """Close what a killed session left open: with its outcome where the study has it, else until it is gone on with."""
        for ended in self._unwritten():
            if ended.key in self._mirror.children:
                self._write_ended(ended)
        self._close_open()

    def _cut_short(self, status: str) -> None:
        self._write_everything()
        self._close_open()
        if self._parent_open:
            self._client.set_terminated(self._mirror.run_id, status)

    def _close_open(self) -> None:
        """Until they are gone on with."""
        for key in self._open:
            self._client.set_terminated(self._mirror.children[key], "KILLED")
        self._open.clear()

    def _finish(self, summary: Summary, files: list[Path], chosen: Path | None) -> None:
        self._write_everything()
        run_id = self._mirror.run_id
        known = self._client.get_run(run_id).data.metrics
        scores = scores_of(summary)
        self._store.write_metrics(run_id, {name: score for name, score in scores.items() if known.get(name) != score}, step=0)
        for file in files:
            self._client.log_artifact(run_id, str(file))
        if (figures := RunFolder.of(self.place).figures).is_dir():
            self._client.log_artifacts(run_id, str(figures), figures.name)
        if summary.front:
            self._write_front(summary)
        if chosen is not None:
            log_chosen(self._client, self._mirror, self.spec, TrialFolder(chosen))
        self._client.set_tag(run_id, "mlflow.note.content", note(summary))
        if self._parent_open:
            self._client.set_terminated(run_id, "FINISHED")
            self._parent_open = False

    def _write_front(self, summary: Summary) -> None:
        """The front as a table, in the place of an earlier one, to which MLflow would append."""
        table = front_table(summary)
        if _FRONT not in {file.path for file in self._client.list_artifacts(self._mirror.run_id)}:
            self._client.log_table(self._mirror.run_id, table, _FRONT)
        else:
            rows = [list(row) for row in zip(*table.values(), strict=True)]
            self._client.log_dict(self._mirror.run_id, {"columns": list(table), "data": rows}, _FRONT)

    def _write_everything(self) -> None:
        for ended in self._unwritten():
            self._write_ended(ended)

    def _unwritten(self) -> Iterator[_Ended]:
        """Every training that has ended and whose run is not closed with its outcome; trials are read one at a time."""
        for key, result in self._beside_trials().items():
            if key not in self._ended:
                yield _Ended(key, result)
        for key in self.study.repeats:
            if key not in self._ended and (whole := self.study.repeat_result(key)) is not None:
                yield _Ended(key, whole)
        for record in self.study.records():
            if JobKey.trial(record.number) not in self._ended and (whole := self.study.result(record.number)) is not None:
                yield _Ended(JobKey.trial(record.number), whole, record.feasible)

    def _beside_trials(self) -> dict[JobKey, TrialResult]:
        """Every training that has ended and is no trial."""
        baseline = None if self.study.baseline is None else self.study.baseline.result
        shared = {JobKey("baseline"): baseline, JobKey("teacher"): trained_teacher(self.spec, self.place)}
        return {key: result for key, result in shared.items() if result is not None} | {**self.study.folds, **self.study.finals}

    def _settled(self) -> dict[JobKey, str]:
        """How the run of every training that has ended is to be closed."""
        states = {key: result.state for key, result in self._beside_trials().items()}
        states |= {key: row.small.state for key, row in self.study.repeats.items() if row is not None}
        states |= {JobKey.trial(record.number): record.result.state for record in self.study.records() if record.result is not None}
        return {key: _ENDED[state] for key, state in states.items()}

    def _experiment(self) -> str:
        name = self.spec.dataset.name
        known = self._client.get_experiment_by_name(name)
        if known is not None:
            return str(known.experiment_id)
        served = self.uri.startswith(("http://", "https://"))
        location = None if served else artifacts_beside(self._database)
        tags = {"mlflow.experimentKind": "custom_model_development"}
        return str(self._client.create_experiment(name, artifact_location=location, tags=tags))

    def _parent(self) -> Mirror:
        experiment_id = self._experiment()
        known = self._known_parent()
        if known is not None:
            self._parent_open = known.info.status != "FINISHED"
            if self._parent_open:
                self._client.update_run(known.info.run_id, status="RUNNING")
            return Mirror(experiment_id, known.info.run_id)
        run = self._client.create_run(
            experiment_id,
            run_name=self.place.name,
            tags={**origin_tags(), "fairtune.kind": "search", "fairtune.folder": self._folder()},
        )
        self._describe(run.info.run_id, nested_params(self.spec.model_dump(mode="json")), self.spec.dataset)
        return Mirror(experiment_id, run.info.run_id)

    def _describe(self, run_id: str, params: Mapping[str, str], dataset: PlugIn) -> None:
        """What a run is about."""
        self._client.log_batch(run_id, params=[Param(name, value) for name, value in params.items()])
        self._client.log_inputs(run_id, [dataset_input(dataset)])

    @property
    def _mirror(self) -> Mirror:
        """Where everything is, by the study."""
        assert self.study.mirror is not None
        return self.study.mirror

    def _folder(self) -> str:
        """Where the run is: seen from the database where that lies beside it, as both may move."""
        return self.place.name if self.place.tracking_uri is None else str(RunFolder.of(self.place).path)

    def _known_parent(self) -> Run | None:
        """The run of an earlier session, unless somebody has deleted it."""
        if self.study.mirror is None:
            return None
        known = self.study.mirror.run_id
        try:
            run = self._client.get_run(known)
        except MlflowException:
            run = None
        if run is None or run.info.lifecycle_stage != "active":
            logging.getLogger(__name__).info("the MLflow run %s is gone; the search is mirrored anew", known)
            return None
        return run

    def _find_children(self, parent: Mirror) -> None:
        """Take up the runs that MLflow has, whatever the study knows of them: somebody may have deleted some."""
        settled, children, token = self._settled(), dict[JobKey, str](), None
        while True:
            page = self._client.search_runs(
                [parent.experiment_id], filter_string=f"tags.`{_PARENT}` = '{parent.run_id}'", page_token=token
            )
            for run in page:
                key = JobKey.parse(run.data.tags[_JOB])
                children[key] = run.info.run_id
                self._adopt(key, run, settled.get(key))
            token = page.token
            if not token:
                break
        self.study.keep_mirror(replace(parent, children=children))
        self._store.safely(lambda: self._client.set_experiment_tag(parent.experiment_id, *view_tag(self.spec, parent, _PARENT)))

    def _adopt(self, key: JobKey, run: Run, settled: str | None) -> None:
        self._epochs[key] = int(run.data.metrics.get("epoch", 0))
        if run.info.status == "RUNNING":
            self._open.add(key)
        elif run.info.status == settled:
            self._ended.add(key)

    def _child(self, key: JobKey, spec: TrialSpec) -> str:
        """The run of a training; made if there is none."""
        if key not in self._mirror.children:
            tags = {
                **origin_tags(),
                _PARENT: self._mirror.run_id,
                _JOB: str(key),
                "fairtune.kind": key.kind,
                "fairtune.method": spec.method,
            }
            run = self._client.create_run(self._mirror.experiment_id, run_name=run_name(key, spec, self.spec), tags=tags)
            self.study.keep_child(key, run.info.run_id)
            self._open.add(key)
            self._describe(run.info.run_id, trial_params(spec), spec.dataset)
        return self._mirror.children[key]

    def _write_ended(self, ended: _Ended) -> None:
        key, result, feasible = ended
        if key in self._ended:
            return
        run_id = self._child(key, result.spec)
        self._write_epochs(run_id, key, result)
        final = {**result.val, "seconds": result.seconds, "peak_memory_mb": result.peak_memory_mb}
        final |= {} if feasible is None else {"feasible": float(feasible)}
        final |= {f"test/{name}": value for name, value in (result.test or {}).items()}
        self._store.write_metrics(run_id, final, step=result.epochs)
        counts = {"validation": result.val_counts, "test": result.test_counts}
        tables = {name: found.to_json() for name, found in counts.items() if found is not None}
        self._client.log_dict(run_id, tables, "counts.json")
        if result.error is not None:
            self._client.log_batch(run_id, tags=[RunTag("fairtune.error", result.error[:5000])])
        if result.stopped is not None:
            self._client.log_batch(run_id, tags=[RunTag(_STOPPED, str(result.stopped))])
        self._client.set_terminated(run_id, _ENDED[result.state])
        self._open.discard(key)
        self._ended.add(key)

    def _write_epochs(self, run_id: str, key: JobKey, result: TrialResult) -> None:
        written = self._epochs.get(key, 0)
        self._store.write_epochs(run_id, result.history[written:])
        self._epochs[key] = max(written, result.epochs)
