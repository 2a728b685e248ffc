"""The search mirrored to MLflow: what people browse. Nothing else in fairtune imports mlflow.

The driver is the only writer and writes in batches. The study stays the truth: a mirror that fails only warns, and
:meth:`Tracker.finish` writes whatever is missing. A run whose job has ended never changes its status; that of a training that was
stopped is ``KILLED`` until the training goes on.
"""

from __future__ import annotations

import getpass
import logging
import math
import os
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fairtune.errors import Interrupted, NoFeasibleTrial
from fairtune.metrics import SCORES, label
from fairtune.rules import fairness_score
from fairtune.spec import Place, SearchSpec, TrialResult
from fairtune.study.folders import RunFolder
from fairtune.study.jobs import Job
from fairtune.study.study import Record, SearchStudy
from fairtune.training.folder import baseline_folder

for _name, _value in {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "15"}.items():
    os.environ.setdefault(_name, _value)

from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric, Param, Run, RunTag  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

_PARENT = "mlflow.parentRunId"
_JOB = "fairtune.job"
_ENDED = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
_FRONT = "front.json"
_BATCH = 1000
"""Metrics that MLflow takes at once."""


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
        self._runs: dict[str, str] = {}
        self._epochs: dict[str, int] = {}
        self._open: set[str] = set()
        self._parent_open = True
        self._ended: set[str] = set()
        self._warned = False
        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._client = MlflowClient(tracking_uri=self.uri)
            self.experiment_id = self._experiment()
            self.run_id = self._parent()
        self._find_children()

    def __enter__(self) -> Tracker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """End the runs of a search that could not go on, or that the user stopped; resuming opens them again."""
        if error is not None and not isinstance(error, NoFeasibleTrial):
            stopped = isinstance(error, Interrupted | KeyboardInterrupt)
            self._safely(lambda: self._cut_short("KILLED" if stopped else "FAILED"))

    def baseline_ready(self, result: TrialResult, floor: float, *, found: bool) -> None:
        """Note the floor; a baseline that was found gets a child run too."""
        self._safely(lambda: self._client.log_metric(self.run_id, "floor", floor))
        if found:
            self._safely(lambda: self._mirror("baseline", "baseline", result, {}))

    def job_started(self, job: Job) -> None:
        """Open the job's child run."""
        self._safely(lambda: self._begin(job))

    def job_progressed(self, job: Job, result: TrialResult) -> None:
        """Write the epochs trained since the last report."""
        self._safely(lambda: self._write_epochs(self._child_of(job), job.key, result))

    def job_finished(self, job: Job, result: TrialResult, record: Record | None) -> None:
        """Write the final scores and counts, and end the child run."""
        extra = {} if record is None or record.feasible is None else {"feasible": float(record.feasible)}
        outcome = result if record is None or record.result is None else record.result
        self._safely(lambda: self._mirror(job.key, job.kind, outcome, extra))

    def confirming(self, roles: dict[str, int], jobs: int) -> None:
        """Nothing to mirror yet."""

    def finish(self, summary: Mapping[str, Any], files: list[Path], chosen: Path | None) -> None:
        """Write whatever is missing, the search's own scores and its files, and end its run.

        Args:
            summary: the summary of the search.
            files: reports and figures to keep as artifacts.
            chosen: folder of the chosen model, or None.
        """
        self._safely(lambda: self._finish(summary, files, chosen))

    def interrupted(self) -> None:
        """Nothing yet: the trainings under way are about to be kept."""

    def _begin(self, job: Job) -> None:
        if job.key not in self._ended:
            self._client.update_run(self._child_of(job), status="RUNNING")
            self._open.add(job.key)

    def _cut_short(self, status: str) -> None:
        self._mirror_everything()
        for key in self._open:
            self._client.set_terminated(self._runs[key], "KILLED")
        if self._parent_open:
            self._client.set_terminated(self.run_id, status)

    def _finish(self, summary: Mapping[str, Any], files: list[Path], chosen: Path | None) -> None:
        self._mirror_everything()
        scores = {"hypervolume": summary["hypervolume"], **summary["cost"]}
        for role, confirmed in summary["confirmed"].items():
            scores |= {f"{role}/test/{name}": interval["mean"] for name, interval in confirmed["test"].items()}
        known = self._client.get_run(self.run_id).data.metrics
        self._write_metrics(self.run_id, {name: score for name, score in scores.items() if known.get(name) != score}, step=0)
        for file in files:
            self._client.log_artifact(self.run_id, str(file))
        if summary["front"]:
            self._write_front(summary)
        if chosen is not None:
            self._client.log_artifacts(self.run_id, str(chosen), "chosen")
        self._client.set_tag(self.run_id, "mlflow.note.content", _note(summary))
        if self._parent_open:
            self._client.set_terminated(self.run_id, "FINISHED")
            self._parent_open = False

    def _write_front(self, summary: Mapping[str, Any]) -> None:
        """The front as a table, once: MLflow appends to a table that is there."""
        if _FRONT not in {file.path for file in self._client.list_artifacts(self.run_id)}:
            self._client.log_table(self.run_id, _front_table(summary), _FRONT)

    def _mirror_everything(self) -> None:
        for key, kind, result, extra in self._everything():
            self._mirror(key, kind, result, extra)

    def _everything(self) -> list[tuple[str, str, TrialResult, dict[str, float]]]:
        """Every job that has ended: its key, its kind, its result, and what is known beside it."""
        found: list[tuple[str, str, TrialResult, dict[str, float]]] = []
        for kind, result in (("baseline", self.study.get_result("baseline")), ("teacher", self._teacher())):
            if result is not None:
                found.append((kind, kind, result, {}))
        for record in self.study.records():
            if record.result is not None:
                extra = {} if record.feasible is None else {"feasible": float(record.feasible)}
                found.append((f"trial-{record.number}", "trial", record.result, extra))
        found += [(key, "final", result, {}) for key, result in self.study.finals().items()]
        return found

    def _teacher(self) -> TrialResult | None:
        """The teacher's result, where it has been trained and is not the baseline; its folder is its record."""
        spec = self.spec.teacher()
        return None if spec == self.spec.baseline() else baseline_folder(Path(self.place.runs), spec).read_result()

    def _experiment(self) -> str:
        name = self.spec.dataset.name
        known = self._client.get_experiment_by_name(name)
        if known is not None:
            return str(known.experiment_id)
        served = self.uri.startswith(("http://", "https://"))
        location = None if served else (Path(self.place.runs) / "mlartifacts").as_uri()
        tags = {"mlflow.experimentKind": "custom_model_development"}
        return str(self._client.create_experiment(name, artifact_location=location, tags=tags))

    def _parent(self) -> str:
        known = self._known_parent()
        if known is not None:
            self._parent_open = known.info.status != "FINISHED"
            if self._parent_open:
                self._client.update_run(known.info.run_id, status="RUNNING")
            return str(known.info.run_id)
        run = self._client.create_run(
            self.experiment_id,
            run_name=self.place.name,
            tags={**_origin(), "fairtune.kind": "search", "fairtune.folder": str(RunFolder.of(self.place).path)},
        )
        self._client.log_batch(run.info.run_id, params=_params(self.spec.model_dump(mode="json")))
        self.study.put("mlflow_run_id", run.info.run_id)
        self.study.put("mlflow_experiment_id", self.experiment_id)
        return str(run.info.run_id)

    def _known_parent(self) -> Run | None:
        """The run of an earlier session, unless somebody has deleted it."""
        known = self.study.get("mlflow_run_id")
        if known is None:
            return None
        try:
            run = self._client.get_run(known)
        except MlflowException:
            run = None
        if run is None or run.info.lifecycle_stage != "active":
            logging.getLogger(__name__).info("the MLflow run %s is gone; the search is mirrored anew", known)
            return None
        return run

    def _find_children(self) -> None:
        settled = {key: _ENDED[result.state] for key, _, result, _ in self._everything()}
        token = None
        while True:
            page = self._client.search_runs(
                [self.experiment_id], filter_string=f"tags.`{_PARENT}` = '{self.run_id}'", page_token=token
            )
            for run in page:
                self._adopt(run, settled)
            token = page.token
            if not token:
                return

    def _adopt(self, run: Run, settled: Mapping[str, str]) -> None:
        key = run.data.tags[_JOB]
        self._runs[key] = run.info.run_id
        self._epochs[key] = int(run.data.metrics.get("epoch", 0))
        if run.info.status == "RUNNING":
            self._open.add(key)
        elif run.info.status == settled.get(key):
            self._ended.add(key)

    def _child_of(self, job: Job) -> str:
        return self._child(job.key, job.kind, job.spec.method, job.spec.model_dump(mode="json"))

    def _child(self, key: str, kind: str, method: str, spec: Mapping[str, Any]) -> str:
        if key not in self._runs:
            tags = {**_origin(), _PARENT: self.run_id, _JOB: key, "fairtune.kind": kind, "fairtune.method": method}
            run = self._client.create_run(self.experiment_id, run_name=key, tags=tags)
            self._runs[key] = run.info.run_id
            self._open.add(key)
            self._client.log_batch(run.info.run_id, params=_params(spec))
        return self._runs[key]

    def _mirror(self, key: str, kind: str, result: TrialResult, extra: Mapping[str, float]) -> None:
        if key in self._ended:
            return
        run_id = self._child(key, kind, result.spec.method, result.spec.model_dump(mode="json"))
        self._write_epochs(run_id, key, result)
        final = {**result.val, **extra, "seconds": result.seconds, "peak_memory_mb": result.peak_memory_mb}
        final |= {f"test/{name}": value for name, value in (result.test or {}).items()}
        self._write_metrics(run_id, final, step=result.epochs)
        counts = {"validation": result.val_counts, "test": result.test_counts}
        tables = {name: found.to_json() for name, found in counts.items() if found is not None}
        self._client.log_dict(run_id, tables, "counts.json")
        if result.error is not None:
            self._client.log_batch(run_id, tags=[RunTag("fairtune.error", result.error[:5000])])
        self._client.set_terminated(run_id, _ENDED[result.state])
        self._open.discard(key)
        self._ended.add(key)

    def _write_epochs(self, run_id: str, key: str, result: TrialResult) -> None:
        written = self._epochs.get(key, 0)
        now = int(time.time() * 1000)
        self._write_batch(
            run_id,
            [
                Metric(name.replace(".", "/"), float(value), now, epoch.number)
                for epoch in result.history[written:]
                for name, value in epoch.metrics.items()
            ],
        )
        self._epochs[key] = max(written, result.epochs)

    def _write_metrics(self, run_id: str, values: Mapping[str, float | None], step: int) -> None:
        now = int(time.time() * 1000)
        defined = {name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)}
        self._write_batch(run_id, [Metric(name, value, now, step) for name, value in defined.items()])

    def _write_batch(self, run_id: str, metrics: list[Metric]) -> None:
        for start in range(0, len(metrics), _BATCH):
            self._client.log_batch(run_id, metrics=metrics[start : start + _BATCH])

    def _safely(self, write: Callable[[], object]) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                write()
        except MlflowException as error:
            if not self._warned:
                logging.getLogger(__name__).warning("MLflow at %s does not take the search's records: %s", self.uri, error)
            self._warned = True


def _origin() -> dict[str, str]:
    """Who made a run, and with what, as MLflow's pages show it."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return {"mlflow.user": user, "mlflow.source.name": "fairtune", "mlflow.source.type": "LOCAL"}


def _note(summary: Mapping[str, Any]) -> str:
    """The outcome in a few lines of Markdown, shown on the run's page."""
    chosen = summary["chosen"]
    if chosen is None:
        lines = ["No trial reached the accuracy floor: none is chosen."]
    else:
        setting = ", ".join(
            f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}" for name, value in chosen["params"].items()
        )
        lines = [f"Chosen: **trial {chosen['number']}**, {chosen['method']} {setting}".rstrip()]
    shown = dict.fromkeys(("accuracy", fairness_score(summary["spec"]["select"]), "deo_m"))
    lines += ["", f"| confirmed on test | {' | '.join(map(label, shown))} |", "|---" * (1 + len(shown)) + "|"]
    for role, confirmed in summary["confirmed"].items():
        scores = [confirmed["test"].get(name, {"mean": None}) for name in shown]
        cells = ["-" if score["mean"] is None else f"{score['mean']:.4f} ± {score['std']:.4f}" for score in scores]
        lines.append(f"| {role.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _params(data: Mapping[str, Any], prefix: str = "") -> list[Param]:
    """Nested data as MLflow parameters, each name a path; what is too long for one is cut."""
    params: list[Param] = []
    for name, value in data.items():
        if isinstance(value, Mapping):
            params += _params(value, f"{prefix}{name}/")
        elif value is not None:
            params.append(Param(f"{prefix}{name}".replace("+", "_and_"), str(value)[:5000]))
    return params


def _front_table(summary: Mapping[str, Any]) -> dict[str, list[Any]]:
    on_front = [trial for trial in summary["trials"] if trial["number"] in summary["front"]]
    names = sorted({name for trial in on_front for name in trial["params"]})
    return {
        "trial": [trial["number"] for trial in on_front],
        "method": [trial["method"] for trial in on_front],
        **{name: [trial["params"].get(name) for trial in on_front] for name in names},
        **{score: [trial["val"].get(score) for trial in on_front] for score in SCORES if score in on_front[0]["val"]},
        "feasible": [trial["feasible"] for trial in on_front],
    }
