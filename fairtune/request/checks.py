"""Whether a search can run here at all, asked before anything expensive starts."""

from __future__ import annotations

import os
import re
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

import torch

from fairtune.spec import Place, SearchSpec
from fairtune.study.folders import RunFolder

_FLOOR = re.compile(r"teacher(?:\s*([+-])\s*(\d*\.?\d+(?:[eE][+-]?\d+)?))?")
_TIMEOUT_S = 5
_DATABASES = ("postgresql", "mysql", "mssql", "databricks")


def read_floor(text: str) -> tuple[float, bool]:
    """Read an accuracy floor.

    Args:
        text: a number in [0, 1], or ``teacher``, ``teacher-0.01``, ``teacher+0.02``.

    Returns:
        The number, and whether it is relative to the baseline's accuracy.

    Raises:
        ValueError: it cannot be read, or no accuracy could be compared with it.
    """
    match = _FLOOR.fullmatch(text.strip())
    if match:
        value = float(f"{match[1] or '+'}{match[2] or 0}")
    else:
        try:
            value = float(text)
        except ValueError:
            raise ValueError(
                f"cannot read the accuracy floor {text!r}: give a number from 0 to 1, or teacher with an offset, as teacher-0.01"
            ) from None
    if not (-1 <= value <= 1 if match else 0 <= value <= 1):
        hint = f": did you mean {value / 100:g}?" if 1 < value <= 100 else ""
        raise ValueError(f"the accuracy floor {text!r} is outside 0 to 1{hint}")
    return value, match is not None


def resolve_floor(text: str, teacher_accuracy: float) -> float:
    """The floor as a number."""
    value, relative = read_floor(text)
    return teacher_accuracy + value if relative else value


def resources(place: Place) -> list[str]:
    """Faults of the resources asked for, on this machine; a cluster's are checked once it is reached."""
    if place.address is not None:
        return []
    faults = []
    cpus, gpus = os.cpu_count() or 1, torch.cuda.device_count()
    if place.cpus_per_trial > cpus:
        faults.append(f"--cpus-per-trial {place.cpus_per_trial:g}: this machine has {cpus}")
    if place.gpus_per_trial > gpus:
        faults.append(
            f"--gpus-per-trial {place.gpus_per_trial:g}: this machine has {gpus} CUDA GPUs; give 0 to train on the CPU, "
            "or --address of a cluster that has them"
        )
    return faults


def run_folder(spec: SearchSpec, place: Place) -> list[str]:
    """Faults of the run's folder: not writable, or its name taken by another search."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+,-]*", place.name) or place.name == "baselines":
        return [f"--name {place.name!r}: use letters, digits and . _ + - only, and not the name baselines"]
    folder = RunFolder.of(place)
    if folder.study.is_file() and (before := folder.load()[0]) != spec:
        return [_other_search(before, spec, folder)]
    return writable(folder.path, "--runs")


def _other_search(before: SearchSpec, now: SearchSpec, folder: RunFolder) -> str:
    """How the search in a folder differs from the one that is asked for, and what to do."""
    name = folder.path.name
    if _on_any_data(before) != _on_any_data(now):
        return f"the run {name!r} exists with another specification ({folder.spec}): choose another --name, or resume it"
    if before.dataset.digest is None:
        return f"the run {name!r} is of an earlier version, which kept no digest of its data: choose another --name, or resume it"
    return (
        f"the run {name!r} was started on other data: the files of {now.dataset.name} have changed since. Choose another --name "
        "(the baseline is trained anew), or put the files back"
    )


def _on_any_data(spec: SearchSpec) -> SearchSpec:
    datasets = {"dataset": spec.dataset, "teacher_dataset": spec.teacher_dataset}
    return spec.model_copy(
        update={name: None if given is None else given.model_copy(update={"digest": None}) for name, given in datasets.items()}
    )


def writable(folder: Path, option: str) -> list[str]:
    """Faults of a folder to write in; it is made if it is not there.

    Args:
        folder: the folder.
        option: what names it on the command line.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return [f"cannot write the folder {folder}: {error.strerror}; choose another {option}"]
    return []


def tracking(uri: str | None) -> list[str]:
    """Faults of an MLflow address: a server or file that is not there, or a kind of store that MLflow has dropped."""
    if uri is None:
        return []
    scheme = urllib.parse.urlparse(uri).scheme.partition("+")[0]
    if scheme in ("http", "https"):
        return _server(uri)
    if scheme == "sqlite":
        return writable(Path(uri.partition(":///")[2]).parent, "--tracking-uri")
    if scheme in _DATABASES:
        return []
    return [f"--tracking-uri {uri!r}: give http://HOST:PORT of an MLflow server or a database such as sqlite:///mlflow.db"]


def _server(uri: str) -> list[str]:
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=_TIMEOUT_S):
            return []
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return [f"the MLflow server {uri} does not answer ({reason}): start it, or leave --tracking-uri out"]
