"""Whether a search can run here at all, asked before anything expensive starts."""

from __future__ import annotations

import base64
import http.client
import os
import tempfile
import time
import urllib.parse
import urllib.request
from functools import partial
from pathlib import Path

import psutil
import torch

from fairtune.addresses import STUDY_VARIABLE, login_of, shown
from fairtune.mounts import file_system, is_shared
from fairtune.request.faults import Faults
from fairtune.sizes import GIB
from fairtune.spec import Limits, Place, SearchSpec
from fairtune.storage import fault_of_storage
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.server import Server, faults_of
from fairtune.study.teacher import teacher_beside

_TIMEOUT_S = 5
_TOLD = 4
"""How many differences of two specifications are told."""
_AGAIN_AFTER_S = (0.5, 0.5, 0.5, 0.5)
"""Pauses before a server that refuses, perhaps because it is just starting, is asked again."""


def resources(place: Place) -> list[str]:
    """Faults of the resources asked for, on this machine; a cluster's are checked once it is reached."""
    if place.address is not None:
        return []
    faults = []
    cpus, gpus = os.cpu_count() or 1, torch.cuda.device_count()
    if place.cpus_per_trial > cpus:
        faults.append(f"--cpus-per-trial {place.cpus_per_trial:g}: this machine has {cpus}")
    memory_gib = psutil.virtual_memory().total / GIB
    if place.memory_per_trial is not None and place.memory_per_trial > memory_gib:
        faults.append(f"--memory-per-trial {place.memory_per_trial:g}: this machine has {memory_gib:.3g} GiB")
    if place.gpus_per_trial > gpus:
        faults.append(
            f"--gpus-per-trial {place.gpus_per_trial:g}: this machine has {gpus} CUDA GPUs; give 0 to train on the CPU, "
            "or --address of a cluster that has them"
        )
    return faults


def compiling(place: Place) -> list[str]:
    """Faults of how the step is to be compiled."""
    if place.compile == "cudagraphs" and place.gpus_per_trial == 0:
        return ["--compile cudagraphs: the trials have no GPU: give --gpus-per-trial, or --compile default"]
    return []


def budget(spec: SearchSpec, place: Place) -> list[str]:
    """Faults of the limits of a search: too little for an outcome, or of what it does not use."""
    faults = []
    baseline, teacher = spec.baseline().epochs, teacher_beside(spec)
    of_teacher = 0 if teacher is None else teacher.epochs
    least = 2 * baseline + 2 * spec.epochs + of_teacher
    if spec.epoch_budget is not None and spec.epoch_budget < least:
        taken = f"4 x {spec.epochs}" if baseline == spec.epochs else f"2 x {baseline} + 2 x {spec.epochs}"
        taught = f" and the teacher {of_teacher}, in all {least}" if of_teacher else f" = {least}"
        faults.append(
            f"--epoch-budget {spec.epoch_budget}: the baseline, one trial and a retraining of each take {taken}{taught} epochs: "
            "give at least those, or lower --epochs"
        )
    if spec.gpu_budget_s is not None and place.gpus_per_trial == 0:
        faults.append("--gpu-budget: the trials have no GPU: give --gpus-per-trial, or --time-budget instead")
    return faults


def seeds(spec: SearchSpec) -> list[str]:
    """Faults of how often a setting is trained, and on what."""
    if spec.validation_folds == 1:
        return []
    given = f"--validation-folds {spec.validation_folds}"
    if spec.teacher_dataset is not None:
        return [
            f"{given}: the teacher has data of its own, which no fold changes: it would be trained on what validates a setting "
            "on another fold: leave --validation-folds out, or give the teacher the students' data"
        ]
    if spec.teacher() != spec.baseline():
        return [f"{given}: the teacher is another net than the baseline, and would have to be trained for each: leave out either"]
    if spec.seeds_per_trial == 1:
        return [f"{given}: a setting has a single seed, which stays on one: give --seeds-per-trial, or leave it out"]
    return []


def runs_folder(place: Place) -> list[str]:
    """Faults of the folder of all runs: MLflow would make its database elsewhere."""
    found = [character for character in "#?%" if character in place.runs]
    if place.tracking_uri is not None or not found:
        return []
    return [
        f"--runs {place.runs}: MLflow cannot keep a database in a folder whose path has {' and '.join(found)}: choose another "
        "--runs, or give --tracking-uri"
    ]


def study(place: Place) -> list[str]:
    """Faults of where the study is kept: a database that does not answer, or a file that several machines write to."""
    if place.study is None and place.address is not None and is_shared(kind := file_system(Path(place.runs))):
        return [
            f"--runs {place.runs} is on {kind}, where SQLite can lose the study: give --study postgresql://USER@HOST/DATABASE, or "
            "--runs on a disk of this machine that the others mount"
        ]
    if (fault := _kept_elsewhere(place)) is not None:
        return [fault]
    attempt = Faults()
    database = attempt.attempt(partial(database_of, place))
    return [*attempt.found, *(faults_of(database.address) if isinstance(database, Server) else [])]


def storage(place: Place) -> list[str]:
    """Faults of where machines leave files for each other: nothing can be left there, or another run of this name has."""
    if place.storage is None:
        return []
    if (fault := fault_of_storage(place.storage)) is not None:
        return [fault]
    folder = RunFolder.of(place)
    if folder.holds_search or folder.shelf is None or folder.shelf.is_empty:
        return []
    return [f"--storage {place.storage} has files of another run {place.name!r}: choose another --name, or delete them"]


def _kept_elsewhere(place: Place) -> str | None:
    """Why a run that was begun has its study in the other place than the one that is asked for, and would begin a second one."""
    folder = RunFolder.of(place)
    if place.study is None and folder.server.exists():
        return (
            f"the run {place.name!r} keeps its study on a database server ({folder.server} names it): give its address by --study "
            f"or {STUDY_VARIABLE}, or choose another --name"
        )
    if place.study is not None and folder.holds_study:
        return (
            f"the run {place.name!r} keeps its study in {folder.study}: leave out --study and unset {STUDY_VARIABLE}, or choose "
            "another --name"
        )
    return None


def run_folder(spec: SearchSpec, place: Place) -> list[str]:
    """Faults of the run's folder: not writable, or its name taken by another search."""
    folder = RunFolder.of(place)
    if folder.holds_search and (before := _named_as(spec, folder.load()[0])) != spec:
        return [_other_search(before, spec, folder)]
    return can_be_made(folder.path, "choose another --runs")


def _other_search(before: SearchSpec, now: SearchSpec, folder: RunFolder) -> str:
    """How the search in a folder differs from the one that is asked for, and what to do."""
    name = folder.path.name
    if _on_any_data(before) != _on_any_data(now):
        return (
            f"the run {name!r} exists with another specification ({folder.spec}; {_differences(before, now)}): "
            "choose another --name, or resume it"
        ) + (f" (fairtune resume {folder.path} takes other limits)" if _without_limits(before) == _without_limits(now) else "")
    if before.dataset.digest is None:
        return f"the run {name!r} is of an earlier version, which kept no digest of its data: choose another --name, or resume it"
    return (
        f"the run {name!r} was started on other data: the files of {now.dataset.name} have changed since, or an earlier version "
        "digested them otherwise. Choose another --name (the baseline is trained anew), or put the files back"
    )


def _differences(before: SearchSpec, now: SearchSpec) -> str:
    """What a specification has and another has not, as ``epochs 30 there, 5 asked for``; the first few."""
    there, asked = (_flat(_on_any_data(spec).model_dump(mode="json")) for spec in (before, now))
    names = [name for name in {**there, **asked} if there.get(name) != asked.get(name)]
    told = [f"{name} {_said(there.get(name))} there, {_said(asked.get(name))} asked for" for name in names[:_TOLD]]
    return "; ".join([*told, *([f"and {len(names) - _TOLD} more"] if len(names) > _TOLD else [])])


def _flat(given: object, name: str = "") -> dict[str, object]:
    """The values in a document by their places."""
    if not isinstance(given, dict) or not given:
        return {name: given}
    found: dict[str, object] = {}
    for key, value in given.items():
        found |= _flat(value, f"{name}.{key}".lstrip("."))
    return found


def _said(value: object) -> str:
    return "none" if value in (None, [], {}) else str(value)


def _named_as(now: SearchSpec, before: SearchSpec) -> SearchSpec:
    """A search with what is told of it today: in words, and with names, of which earlier versions kept none."""
    before = before.model_copy(update={"authors": now.authors})
    if before.classes:
        return before
    return before.model_copy(update={"classes": now.classes, "groups": now.groups, "shape": now.shape})


def _without_limits(spec: SearchSpec) -> SearchSpec:
    return _on_any_data(spec).model_copy(update=dict(Limits(trials=1)))


def _on_any_data(spec: SearchSpec) -> SearchSpec:
    datasets = {"dataset": spec.dataset, "teacher_dataset": spec.teacher_dataset}
    return spec.model_copy(
        update={name: None if given is None else given.model_copy(update={"digest": None}) for name, given in datasets.items()}
    )


def writable(folder: Path, remedy: str) -> list[str]:
    """Faults of a folder to write in; it is made if it is not there.

    Args:
        folder: the folder.
        remedy: what to do if it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return [f"cannot write the folder {folder}: {error.strerror}; {remedy}"]
    return []


def can_be_made(folder: Path, remedy: str) -> list[str]:
    """Faults of a folder to write in, which is not made if it is not there: then what is told is whether it can be.

    Args:
        folder, remedy: as for :func:`writable`.
    """
    try:
        there = next(known for known in (folder, *folder.parents) if known.exists())
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        return [f"cannot write the folder {folder}: {error.strerror}; {remedy}"]
    return []


def tracking(uri: str | None) -> list[str]:
    """Faults of an MLflow address: a server that does not answer, or a file that cannot be made."""
    if uri is None:
        return []
    scheme = urllib.parse.urlparse(uri).scheme.partition("+")[0]
    if scheme in ("http", "https"):
        return _server(uri)
    if scheme == "sqlite":
        return writable(Path(uri.partition(":///")[2]).parent, "choose another --tracking-uri")
    return []


def _server(uri: str) -> list[str]:
    deadline = time.monotonic() + _TIMEOUT_S
    for pause in (0, *_AGAIN_AFTER_S):
        time.sleep(pause)
        reason = _no_answer(uri, deadline - time.monotonic())
        if not isinstance(reason, ConnectionRefusedError):
            break
    return [f"the MLflow server {shown(uri)} does not answer ({reason}): start it, or leave --tracking-uri out"] if reason else []


def _no_answer(uri: str, timeout_s: float) -> object:
    """Why a server does not answer; None if it does."""
    try:
        server, login = login_of(uri)
        request = urllib.request.Request(f"{server.rstrip('/')}/health")
        if login is not None:
            request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
        with urllib.request.urlopen(request, timeout=timeout_s):
            return None
    except (OSError, ValueError, http.client.HTTPException) as error:
        return getattr(error, "reason", error)
