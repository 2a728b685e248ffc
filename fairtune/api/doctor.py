"""Whether a search would run well here: what it would find, and what is wrong."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import psutil
import torch

from fairtune.addresses import shown
from fairtune.api.sockets import listeners
from fairtune.datasets import cache_folder
from fairtune.errors import FairtuneError
from fairtune.mounts import file_system, is_shared
from fairtune.names import counted
from fairtune.request.checks import resources, study, writable
from fairtune.sizes import GIB
from fairtune.spec import Place
from fairtune.training.device import autocast, has_fast_bf16, resolve_precision
from fairtune.training.sharing import TURNS, compute_at_once

_LIBRARIES = ("ray", "torch", "torchvision", "optuna", "mlflow")
_ROOM_GIB, _MEMORY_GIB = 2, 2
_STEPS, _BATCH, _CHANNELS, _SIZE = 8, 32, 64, 16


class Finding(NamedTuple):
    """One thing looked at.

    Attributes:
        topic: what was looked at.
        text: what was found.
        fault: what is wrong with it and what to do; None where nothing is.
    """

    topic: str
    text: str
    fault: str | None = None


def examine(place: Place, precision: str) -> Iterator[Finding]:
    """Look at everything that a search would use, each thing when it is asked for: starting Ray takes seconds.

    Args:
        place: where a search would run and what its trials would have.
        precision: that they would compute in.
    """
    yield Finding("fairtune", f"{version('fairtune')} · Python {platform.python_version()} · " + _versions())
    yield _machine()
    yield from _gpus(place.gpus_per_trial)
    yield from (Finding("trials", _of_each(place), lacks) for lacks in resources(place))
    yield _precision(precision)
    yield _ray(place)
    yield _data(Path(place.data))
    yield _folder("data cache", cache_folder(), "FAIRTUNE_CACHE")
    yield _runs(Path(place.runs), in_folder=place.study is None)
    yield from _study(place)
    yield from _network()


def _of_each(place: Place) -> str:
    computing = f"{counted(place.cpus_per_trial, 'CPU')}, {counted(place.gpus_per_trial, 'GPU')}"
    return computing if place.memory_per_trial is None else f"{computing}, {place.memory_per_trial:g} GiB of memory"


def _versions() -> str:
    return " · ".join(f"{library} {version(library)}" for library in _LIBRARIES)


def _machine() -> Finding:
    memory = psutil.virtual_memory()
    free, total = memory.available / GIB, memory.total / GIB
    text = f"{platform.system()}, {_processors()} processors, {free:.1f} of {total:.1f} GiB memory free"
    short = "trials take about 0.5 GiB each beside their data: end what else runs"
    return Finding("machine", text, short if free < _MEMORY_GIB else None)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpus(per_trial: float) -> Iterator[Finding]:
    count = torch.cuda.device_count()
    for number in range(count):
        free, total = torch.cuda.mem_get_info(number)
        text = f"{torch.cuda.get_device_name(number)}, {free / GIB:.1f} of {total / GIB:.1f} GiB free"
        yield Finding(f"GPU {number}", text)
    if count:
        yield _sharing(per_trial)
    else:
        driver = shutil.which("nvidia-smi") is not None
        fault = f"there is a driver, but torch {version('torch')} cannot use it: update the driver, or install a torch for it"
        yield Finding("GPU", "none that torch can use", fault if driver else None)


def _sharing(per_trial: float) -> Finding:
    if compute_at_once():
        return Finding("GPU sharing", "trials on one card compute at the same time: NVIDIA's MPS runs")
    return Finding("GPU sharing", "no MPS of NVIDIA runs", TURNS if 0 < per_trial < 1 else None)


def _precision(asked: str) -> Finding:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    chosen = resolve_precision(asked, device)
    ratio = _seconds(device, "fp32") / _seconds(device, "bf16")
    text = f"{chosen} on this {device.type}; a convolution in bf16 takes {1 / ratio:.2f} of its time in fp32"
    slower = chosen == "bf16" and not has_fast_bf16(device)
    return Finding("precision", text, "bf16 is not native here: leave --precision out" if slower else None)


def _seconds(device: torch.device, precision: str) -> float:
    """Time of some steps of one convolution, the first left out."""
    net = torch.nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1, device=device).to(memory_format=torch.channels_last)
    x = torch.randn(_BATCH, _CHANNELS, _SIZE, _SIZE, device=device).contiguous(memory_format=torch.channels_last)

    def step() -> None:
        with autocast(device, resolve_precision(precision, device)):
            net(x).float().square().mean().backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    step()
    return min(_timed(step) for _ in range(_STEPS))


def _timed(step: Callable[[], None]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def _ray(place: Place) -> Finding:
    from fairtune.search.sight import look

    where = f"at {place.address}" if place.address else "here"
    try:
        has = look(place)
    except FairtuneError as error:
        return Finding("Ray", where, str(error))
    nodes = f"{counted(has.nodes, 'node')}, {counted(has.cpus, 'CPU')}, {counted(has.gpus, 'GPU')}, {has.memory_gib:.1f} GiB"
    trials = "all trials" if has.trials is None else f"{has.trials} trial{'s' * (has.trials != 1)}"
    return Finding("Ray", f"{where}: {nodes}; {trials} at a time")


def _data(folder: Path) -> Finding:
    what = "is there" if folder.is_dir() else "is not there; digits needs none, other datasets do (--data)"
    return Finding("data", f"{folder.absolute()} {what}")


def _folder(topic: str, folder: Path, option: str) -> Finding:
    faults = writable(folder, f"choose another {option}")
    if faults:
        return Finding(topic, str(folder), faults[0])
    free = shutil.disk_usage(folder).free / GIB
    fault = f"{free:.1f} GiB are free: make room, or choose another {option}" if free < _ROOM_GIB else None
    return Finding(topic, f"{folder.absolute()}, {free:,.1f} GiB free on {file_system(folder)}", fault)


def _runs(folder: Path, *, in_folder: bool) -> Finding:
    found = _folder("runs", folder, "--runs")
    kind = file_system(folder) if found.fault is None else ""
    if in_folder and is_shared(kind):
        return found._replace(
            fault=f"the study is an SQLite database, which {kind} can damage: give --study, or --runs on a local disk"
        )
    return found


def _study(place: Place) -> Iterator[Finding]:
    """The database server that keeps studies, where there is one."""
    if place.study is not None:
        faults = study(place)
        yield Finding("study", shown(place.study), faults[0] if faults else None)


def _network() -> Iterator[Finding]:
    found = [*listeners()]
    for listener in found:
        what = f"{listener.program} ({listener.pid}) listens on {listener.address}"
        if listener.token:
            yield Finding("network", f"{what} and asks for a token")
        else:
            yield Finding(
                "network", what, "whoever reaches it gets in: end it, or start it on 127.0.0.1 or with RAY_AUTH_MODE=token"
            )
    if not found:
        yield Finding("network", "nothing of Ray, MLflow or fairtune listens beyond this machine")
