"""MLflow's web interface on a run's records."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from rich.console import Console

from fairtune.addresses import shown, whole, without_secrets
from fairtune.endings import ended_by_signals
from fairtune.errors import InvalidInput
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.study import SearchStudy
from fairtune.tracking.moved import follow
from fairtune.tracking.view import view_page

HOST = "127.0.0.1"
_PATIENCE_S = 10


def browse(path: Path, port: int, console: Console) -> None:
    """Serve the records of a run, or of a folder of runs, until interrupted, terminated or hung up on.

    Args:
        path: folder of a run, or of all runs.
        port: where to listen, on loopback; 0 for one that is free.
        console: where to print the address.

    Raises:
        InvalidInput: there are no records, or the port cannot be had.
    """
    uri, page = _records(path)
    if uri.startswith(("http://", "https://")):
        console.print(f"this run is recorded at {shown(uri).rstrip('/')}/{page}", highlight=False, soft_wrap=True)
        return
    free = free_port(port)
    base = f"http://{HOST}:{free}"
    with tempfile.TemporaryFile() as output, ended_by_signals(once=True):
        try:
            with _serving(uri, free, output) as server:
                console.print("starting MLflow's interface ...")
                while server.poll() is None and not _answers(base):
                    time.sleep(0.5)
                if server.poll() is None:
                    console.print(f"open {base}/{page}   (Ctrl-C ends it)", highlight=False, soft_wrap=True)
                server.wait()
            raise InvalidInput(f"MLflow could not serve the records of {path}: {without_secrets(_last_line(output), uri)}")
        except KeyboardInterrupt:
            with contextlib.suppress(OSError):
                console.print("stopped")


@contextlib.contextmanager
def _serving(uri: str, port: int, output: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """MLflow's server in a group of its own, of which nothing outlives the block."""
    command = [sys.executable, "-m", "mlflow", "ui", "--host", HOST, "--port", str(port), "--workers", "1"]
    # An address can hold a password, and a command line is everybody's to read. Nobody sends jobs to a page of records.
    environment = os.environ | {"MLFLOW_BACKEND_STORE_URI": uri, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        yield server
    finally:
        _end_group(server)


def _end_group(leader: subprocess.Popen[bytes]) -> None:
    for ending in (signal.SIGTERM, signal.SIGKILL):
        alive = _signal_group(leader, ending)
        deadline = time.monotonic() + _PATIENCE_S
        while alive and time.monotonic() < deadline:
            time.sleep(0.1)
            alive = _signal_group(leader, 0)
        if not alive:
            return


def _signal_group(leader: subprocess.Popen[bytes], number: int) -> bool:
    leader.poll()
    try:
        os.killpg(leader.pid, number)
    except ProcessLookupError:
        return False
    return True


def _last_line(output: IO[bytes]) -> str:
    output.seek(0)
    return (output.read().decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]


def _answers(base: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base}/health", timeout=1):
            return True
    except OSError:
        return False


def _records(path: Path) -> tuple[str, str]:
    if RunFolder(path).holds_search:
        spec, place = RunFolder(path).load()
        if place.tracking_uri is None:
            follow(Path(place.runs) / "mlflow.db")
        mirror = SearchStudy(database_of(place), spec).mirror
        return whole(place.mlflow), "" if mirror is None else view_page(mirror)
    if (path / "mlflow.db").is_file():
        follow(path / "mlflow.db")
        return f"sqlite:///{path.resolve()}/mlflow.db", ""
    raise InvalidInput(f"{path} is neither a run nor a folder of runs with an mlflow.db: give runs/NAME or runs")


def free_port(wanted: int) -> int:
    """A port on loopback: the one wanted, or for 0 any.

    Raises:
        InvalidInput: it cannot be had.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OverflowError:
            raise InvalidInput(f"--port {wanted}: give a port from 1 to 65535, or 0 for one that is free") from None
        except OSError as error:
            raise InvalidInput(f"--port {wanted}: {error.strerror}; give another one, or 0 for one that is free") from error
        return int(probe.getsockname()[1])
