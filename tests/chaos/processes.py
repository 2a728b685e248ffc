"""The processes of a search, found in /proc by the folder that their environment names."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from tests.sockets import running, words

_PROGRAMS = {"worker": "Trainable", "raylet": "/raylet", "gcs": "/gcs_server"}
_AGENTS = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")
"""They tell a GCS that has gone why the raylet has gone, and end when it has not answered for a minute."""


def belonging(ray_folder: Path) -> list[int]:
    """All processes started with this folder as Ray's, whoever is their parent by now."""
    return [pid for pid in running() if pid != os.getpid() and f"RAY_TMPDIR={ray_folder}" in words(pid, "environ")]


def find(victim: str, driver: int, ray_folder: Path) -> int | None:
    """The process of a search that is to be hit; None if there is none now."""
    if victim == "driver":
        return driver
    return next((pid for pid in belonging(ray_folder) if _PROGRAMS[victim] in words(pid, "cmdline")[0]), None)


def strike(pid: int, number: signal.Signals) -> bool:
    """Send a signal; whether the process was still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


def left_of_session(ray_folder: Path) -> list[str]:
    """What still runs of a search whose driver has ended, Ray's agents aside."""
    return _left(ray_folder, 20, _AGENTS)


def left_for_good(ray_folder: Path) -> list[str]:
    """What still runs after all that a search was given to end."""
    return _left(ray_folder, 90, ())


def end(ray_folder: Path) -> None:
    """End whatever runs with this folder."""
    for pid in belonging(ray_folder):
        strike(pid, signal.SIGKILL)


def _left(ray_folder: Path, seconds: float, but: tuple[str, ...]) -> list[str]:
    deadline = time.monotonic() + seconds
    while names := [name for pid in belonging(ray_folder) if not (name := _name(pid)).startswith(but or "\0")]:
        if time.monotonic() > deadline:
            return names
        time.sleep(0.2)
    return []


def _name(pid: int) -> str:
    return " ".join(words(pid, "cmdline")).strip()[:120]
