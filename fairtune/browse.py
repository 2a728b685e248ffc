"""MLflow's web interface on a run's records."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from rich.console import Console

from fairtune.errors import InvalidInput
from fairtune.folders import RunFolder
from fairtune.study import SearchStudy

_HOST = "127.0.0.1"


def browse(path: Path, port: int, console: Console) -> None:
    """Serve the records of a run, or of a folder of runs, until interrupted.

    Args:
        path: folder of a run, or of all runs.
        port: where to listen, on loopback; the next free one is taken if it is busy.
        console: where to print the address.

    Raises:
        InvalidInput: there are no records.
    """
    uri, page = _records(path)
    if uri.startswith(("http://", "https://")):
        console.print(f"this run is recorded at {uri.rstrip('/')}/{page}", highlight=False, soft_wrap=True)
        return
    free = _free_port(port)
    base = f"http://{_HOST}:{free}"
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri]
    command += ["--host", _HOST, "--port", str(free), "--workers", "1"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        console.print("starting MLflow's interface ...")
        while server.poll() is None and not _answers(base):
            time.sleep(0.5)
        if server.poll() is None:
            console.print(f"open {base}/{page}   (Ctrl-C ends it)", highlight=False, soft_wrap=True)
        if server.wait() != 0:
            raise InvalidInput(f"MLflow could not serve {uri}; to see why: {' '.join(command)}")
    except KeyboardInterrupt:
        console.print("stopped")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _answers(base: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base}/health", timeout=1):
            return True
    except OSError:
        return False


def _records(path: Path) -> tuple[str, str]:
    if RunFolder(path).study.is_file():
        spec, place = RunFolder(path).load()
        study = SearchStudy(RunFolder.of(place).study, spec)
        uri = place.mlflow
        run_id, experiment_id = study.get("mlflow_run_id"), study.get("mlflow_experiment_id")
        return uri, f"#/experiments/{experiment_id}/runs/{run_id}" if run_id else ""
    if (path / "mlflow.db").is_file():
        return f"sqlite:///{path.resolve()}/mlflow.db", ""
    raise InvalidInput(f"{path} is neither a run nor a folder of runs with an mlflow.db: give runs/NAME or runs")


def _free_port(wanted: int) -> int:
    for port in (*range(wanted, wanted + 20), 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise InvalidInput(f"no free port from {wanted} on")
