"""What the processes of Ray, MLflow and fairtune on this machine let in from the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import psutil

from fairtune.addresses import is_loopback

_OURS = ("raylet", "gcs_server", "ray::", "ray/dashboard", "ray/_private", "mlflow", "fairtune")


class Listener(NamedTuple):
    """A process that listens beyond loopback.

    Attributes:
        program: what it is.
        pid: its number.
        address: host and port on which it listens.
        token: whether it asks for Ray's token.
    """

    program: str
    pid: int
    address: str
    token: bool


def listeners() -> Iterator[Listener]:
    """Every such process of this user; those of others cannot be looked into."""
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or ())
        program = next((name for name in _OURS if name in command), None)
        if program is not None:
            yield from _of(process, program.strip(":").rpartition("/")[0] or program.strip(":"))


def _of(process: psutil.Process, program: str) -> Iterator[Listener]:
    try:
        token = process.environ().get("RAY_AUTH_MODE") == "token"
        found = {connection.laddr for connection in process.net_connections("tcp") if connection.status == psutil.CONN_LISTEN}
    except psutil.Error:
        return
    for host, port in sorted(found):
        if not is_loopback(host):
            yield Listener(program, process.pid, f"{host}:{port}", token)
