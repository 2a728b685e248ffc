"""The page of a search that runs: who can ask for it, what it says, and when it ends."""

import http.client
import io
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager

import pytest
from rich.console import Console

from fairtune.api.live import watch
from fairtune.errors import InvalidInput
from tests.search_helpers import Session, small_search


class Lines(io.StringIO):
    """What was printed, which can be waited for."""

    def __init__(self):
        super().__init__()
        self.printed = threading.Event()

    def write(self, text):
        done = super().write(text)
        if "Ctrl-C" in self.getvalue():
            self.printed.set()
        return done


@contextmanager
def watching(session):
    """The port of a page of a search, in a thread that is waited for, and what it prints."""
    lines = Lines()
    thread = threading.Thread(target=watch, args=(session.folder.path, 0, Console(file=lines, width=200)), daemon=True)
    thread.start()
    assert lines.printed.wait(60)
    yield int(lines.getvalue().split("/   (")[0].rpartition(":")[2]), lines
    thread.join(60)
    assert not thread.is_alive()


def ask(port, path="/state.json", host=None):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", path, headers={} if host is None else {"Host": host})
        answer = connection.getresponse()
        return answer, answer.read().decode()


def state(port):
    return json.loads(ask(port)[1])


def until(port, holds):
    """The first state of which something holds."""
    deadline = time.monotonic() + 120
    while not holds(now := state(port)):
        assert time.monotonic() < deadline, now
        time.sleep(0.05)
    return now


@pytest.fixture
def search(tmp_path):
    return Session(*small_search(tmp_path, trials=2, final_seeds=1))


def check_page(port):
    """It is for who asks this machine by its own name, and lets nothing of elsewhere in."""
    answer, page = ask(port, "/")
    assert answer.status == 200
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.count('"use strict"') == 2
    assert ask(port, "/", host="elsewhere.example")[0].status == 403
    assert ask(port, "/", host=f"localhost:{port}")[0].status == 200
    assert ask(port, "/../spec.json")[0].status == 404


def test_the_page_grows_with_the_search_and_ends_with_it(search):
    with watching(search) as (port, lines):
        now = state(port)
        assert (now["figures"], now["complete"]) == ([], False)
        assert now["standing"] == "The baseline is being trained: it sets the floor."
        check_page(port)
        search.run(1)
        now = until(port, lambda now: now["figures"])
        assert now["standing"].startswith("0 of 2 trials ended")
        search.run(1)
        now = until(port, lambda now: now["standing"].startswith("1 of 2 trials ended"))
        assert list(now["tips"]) == ["0"]
        assert 'data-trial="0"' in now["figures"][0]["html"]
        assert [figure["name"] for figure in now["figures"]] == ["front-accuracy-deo_m", "hypervolume"]
        search.run()
        now = until(port, lambda now: now["complete"])
        assert now["standing"].startswith("The search has ended: ")
        assert [figure["name"] for figure in now["figures"]][1] == "confirmed-accuracy-deo_m"
    assert lines.getvalue().endswith(f"the search has ended: {search.folder.page}\n")
    with pytest.raises(InvalidInput, match=r"has ended: open .*report.html, which fairtune report .* writes anew"):
        watch(search.folder.path, 0, Console(file=io.StringIO()))


def test_a_port_that_is_taken_is_refused(search):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InvalidInput, match=f"--port {port}: Address already in use; give another one"):
            watch(search.folder.path, port, Console(file=io.StringIO()))


@pytest.mark.parametrize(
    "ending", [signal.SIGTERM, *(pytest.param(s, marks=pytest.mark.slow) for s in (signal.SIGINT, signal.SIGHUP))]
)
def test_it_ends_when_asked_to(search, ending):
    command = [
        sys.executable,
        "-c",
        "from fairtune.cli.main import main; main()",
        "ui",
        str(search.folder.path),
        "--live",
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        port = int(process.stdout.readline().split("/   (")[0].rpartition(":")[2])
        assert state(port)["complete"] is False
        process.send_signal(ending)
        assert process.stdout.read().endswith("stopped\n")
        assert process.wait(60) == 0
    with socket.create_server(("127.0.0.1", port)):
        pass
