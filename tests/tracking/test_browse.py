"""MLflow's interface: who can reach it, and what is left of it."""

import io
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from rich.console import Console

from fairtune.errors import InvalidInput
from fairtune.tracking.browse import browse
from fairtune.tracking.view import view_page
from tests.sockets import descendants, listening, words
from tests.tracking.test_mirror import whole

linux = pytest.mark.skipif(not Path("/proc/net/tcp").is_file(), reason="finds sockets in /proc")


@pytest.fixture
def records(tmp_path):
    """A folder of runs with a database that MLflow fills when it starts."""
    (tmp_path / "mlflow.db").touch()
    return tmp_path


@pytest.fixture
def interface(records):
    with served(records) as serving:
        yield serving


class served:  # noqa: N801
    """``fairtune ui`` on a port that is free, and every process of it."""

    def __init__(self, folder):
        command = [sys.executable, "-c", "from fairtune.cli.main import main; main()", "ui", str(folder), "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def __enter__(self):
        self.lines = [self.process.stdout.readline() for _ in range(2)]
        self.port = int(self.lines[1].split("#")[0].split(":")[2].split("/")[0])
        self.family = descendants(self.process.pid)
        return self

    def __exit__(self, *_):
        for pid in {self.process.pid, *self.family}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.stdout.close()
        self.process.wait()

    @property
    def alive(self):
        return [pid for pid in self.family if any(words(pid, "cmdline"))]


def refusal(folder, port):
    with pytest.raises(InvalidInput) as error:
        browse(folder, port, Console(file=io.StringIO()))
    return str(error.value)


@linux
@pytest.mark.parametrize(
    "ending",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_it_is_on_loopback_only_and_nothing_is_left_of_it(interface, ending):
    sockets = listening(interface.family)
    assert interface.port in {sock.port for sock in sockets}
    assert all(sock.loopback for sock in sockets)
    assert not [pid for pid in interface.family if "sqlite" in " ".join(words(pid, "cmdline"))]
    interface.process.send_signal(ending)
    assert interface.process.wait(60) == 0
    assert interface.process.stdout.read() == "stopped\n"
    assert interface.alive == []
    with socket.create_server(("127.0.0.1", interface.port)):
        pass


@pytest.mark.slow
def test_it_opens_at_the_run(tmp_path):
    search = whole(tmp_path, trials=1, epochs=1)
    run = search.parent.info
    with served(search.session.folder.path) as interface:
        address = f"http://127.0.0.1:{interface.port}/"
        assert interface.lines[1] == f"open {address}{view_page(run)}   (Ctrl-C ends it)\n"
        with urllib.request.urlopen(address, timeout=30) as page:
            assert page.status == 200


def test_a_port_that_is_taken_is_refused(records):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert refusal(records, port) == f"--port {port}: Address already in use; give another one, or 0 for one that is free"


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_refused(records, port):
    assert refusal(records, port) == f"--port {port}: give a port from 1 to 65535, or 0 for one that is free"


@pytest.mark.slow
def test_records_that_cannot_be_served_are_a_sentence(tmp_path):
    (tmp_path / "mlflow.db").write_text("no database, but a long enough text to be looked at as one" * 20)
    assert refusal(tmp_path, 0).startswith(f"MLflow could not serve the records of {tmp_path}: ")
