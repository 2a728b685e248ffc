"""A trial as Ray Tune runs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict  # noqa: TID251  Ray's type of a configuration

import ray.actor
import torch
from ray import cloudpickle, tune

from fairtune import plugins
from fairtune.errors import NoRoom
from fairtune.records import Purpose
from fairtune.search.leaving import node_is_leaving
from fairtune.search.own_runs import OwnRuns
from fairtune.spec import Place, TrialResult, TrialSpec
from fairtune.training.device import pick_device
from fairtune.training.trial import Trial, failed, unable
from fairtune.training.watchdog import hung, watched

if TYPE_CHECKING:
    from fairtune.study.jobs import Job  # and with it Optuna, which no worker needs

REPORT_EVERY_S = 1.0


class _JobFields(TypedDict):
    spec: str
    folder: str
    purpose: str
    rungs: tuple[int, ...]


class JobConfig(TypedDict):
    """What a worker needs to know of a job, as Tune's configuration."""

    job: _JobFields
    place: str
    given: bytes


def job_config(job: Job, place: Place) -> JobConfig:
    """What a worker needs to know of a job, as Tune's configuration."""
    return {
        "job": {
            "spec": job.spec.model_dump_json(),
            "folder": str(job.folder.path.relative_to(place.runs)),
            "purpose": job.purpose.value,
            "rungs": job.rungs,
        },
        "place": place.model_dump_json(),
        "given": cloudpickle.dumps(dict(plugins.given())),
    }


class TrialTrainable(tune.Trainable):
    """Trains one job after another in one actor, so that imports and data are paid for once.

    A step trains whole epochs, up to the trial's next rung or for about a second, and returns where the trial stands. So whoever
    judges trials at their rungs sees them there, however fast or slow they are: also the one that was interrupted between coming to
    a rung and being judged there. It is kept at its rungs, whence it may be taken up again. Checkpoints are the trial's own, in the
    run's folder or a storage: a retried or resumed trial goes on from there whatever Ray remembers.
    """

    _trial: Trial | None
    _failed: TrialResult
    _rungs: tuple[int, ...]
    _limit_s: float | None
    _at_rung: bool
    _leave: Callable[[], None] | None = None
    _must_go: bool = False

    def setup(self, config: Mapping[str, Any]) -> None:
        """Begin the first job."""
        OwnRuns(Place.model_validate_json(config["place"])).sweep()
        self._begin(config["job"], config["place"], config["given"])

    def reset_config(self, new_config: Mapping[str, Any]) -> bool:
        """Begin another job in the same actor."""
        self._begin(new_config["job"], new_config["place"], new_config["given"])
        return True

    def step(self) -> dict[str, object]:
        """Train up to a rung, or for about a second; at least one epoch, but for a trial that is at a rung when it begins.

        Where the node is about to be taken away, the trial is kept, which is reported, and the next step ends this worker: another
        goes on elsewhere.
        """
        if self._trial is None:
            return self._report(self._failed)
        if self._must_go:
            ray.actor.exit_actor()
        try:
            with watched(self._trial.folder.hung, self._limit_s) as alive:
                standing = self._train(self._trial, alive)
                if standing.state == "running" and node_is_leaving():
                    self._trial.save_checkpoint()
                    self._must_go = True
                return self._report(standing)
        except Exception as error:
            self._failed, self._trial = self._trial.fail(error), None
            return self._report(self._failed)

    def cleanup(self) -> None:
        """Keep the state of a training that is interrupted, so that resuming goes on from there."""
        if self._trial is not None and not self._trial.done:
            with suppress(NoRoom, OSError):
                self._trial.save_checkpoint()
        self._left()

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, object]:
        """Nothing: the trial keeps its own checkpoint."""
        return {}

    def load_checkpoint(self, checkpoint: object) -> None:
        """Nothing: the trial finds its own checkpoint."""

    def _train(self, trial: Trial, alive: Callable[[], None]) -> TrialResult:
        began = time.perf_counter()
        at_rung, self._at_rung = self._at_rung, False
        while not (trial.done or at_rung):
            trial.run_epoch()
            alive()
            if (at_rung := len(trial.history) in self._rungs) or time.perf_counter() - began > REPORT_EVERY_S:
                break
        if at_rung:
            trial.save_checkpoint()
        return trial.finish() if trial.done else trial.result("running")

    def _left(self) -> None:
        if self._leave is not None:
            self._leave()

    def _begin(self, job: _JobFields, place: str, given: bytes) -> None:
        where = Place.model_validate_json(place)
        torch.set_num_threads(max(1, int(where.cpus_per_trial)))
        plugins.take(cloudpickle.loads(given))
        spec = TrialSpec.model_validate_json(job["spec"])
        runs = OwnRuns(where)
        folder = runs.folder(job["folder"])
        self._left()
        self._leave = partial(runs.leave, folder)
        self._trial, self._rungs, self._limit_s = None, tuple(job["rungs"]), where.trial_timeout_s
        self._at_rung = False
        if (reason := hung(folder.hung, self._limit_s)) is not None:
            self._failed = failed(spec, reason)
            return
        try:
            runs.fetch_teacher(spec)
            with watched(folder.hung, self._limit_s):
                self._trial = Trial(
                    spec,
                    folder,
                    data_root=Path(where.data),
                    runs=runs.path,
                    device=pick_device(where.gpus_per_trial),
                    purpose=Purpose(job["purpose"]),
                    how=where.compile,
                    gpus=where.gpus_per_trial,
                )
            self._at_rung = len(self._trial.history) in self._rungs
        except Exception as error:
            self._failed = unable(spec, error)

    def _report(self, result: TrialResult) -> dict[str, object]:
        standing = {"done": result.state != "running", "epoch": result.epochs, "must_go": self._must_go}
        return {"trial": result.model_dump_json(), **standing, **result.val}
