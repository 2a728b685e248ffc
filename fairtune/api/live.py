"""A search's page on this machine while it runs."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rich.console import Console

from fairtune.endings import ended_by_signals
from fairtune.errors import InvalidInput
from fairtune.report.live import State, begun, live_page, state_of
from fairtune.spec import Place, SearchSpec
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.study import SearchStudy
from fairtune.study.summary import summarise
from fairtune.tracking.browse import HOST, free_port

_EVERY_S = 2.0
_SHARE_OF_TIME = 0.05
"""What looking may take of the time."""
_LAST_LOOK_S = 10.0
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:"


class _Server(ThreadingHTTPServer):
    """Serves a page and the latest state of a search.

    Args:
        port: on loopback.
        page: its HTML.
        state: the first.

    Attributes:
        complete: whether the latest is the last one.
        told: set once the last one was asked for.
    """

    daemon_threads = True

    def __init__(self, port: int, page: str, state: State) -> None:
        super().__init__((HOST, port), _Handler)
        self.page = page.encode()
        self.told = threading.Event()
        self.keep(state)

    def keep(self, state: State) -> None:
        """Serve this state from now on."""
        self.state, self.complete = json.dumps(state).encode(), state["complete"]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer who asks this machine by its own name, which pages of elsewhere cannot."""
        if self.headers.get("Host", "").partition(":")[0] not in (HOST, "localhost"):
            self.send_error(403)
        elif self.path == "/":
            self._send(self.server.page, "text/html; charset=utf-8")
        elif self.path == "/state.json":
            complete = self.server.complete
            self._send(self.server.state, "application/json")
            if complete:
                self.server.told.set()
        else:
            self.send_error(404)

    def _send(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", _POLICY)
        with contextlib.suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name in http.server
        """Say nothing on the terminal."""


def watch(path: Path, port: int, console: Console) -> None:
    """Serve a page of a search's front that grows, until the search has ended, or until interrupted, terminated or hung up on.

    Args:
        path: folder of the run.
        port: where to listen, on loopback; 0 for one that is free.
        console: where to print the address.

    Raises:
        InvalidInput: the folder holds no search, its search has ended, or the port cannot be had.
    """
    spec, place = RunFolder(path).load()
    page = RunFolder(path).page
    state = _look(spec, place)
    if state["complete"]:
        raise InvalidInput(f"the search {place.name} has ended: open {page}, which fairtune report {path} writes anew")
    with ended_by_signals(once=True), _serving(_Server(free_port(port), live_page(place.name, spec), state)) as server:
        try:
            console.print(f"open http://{HOST}:{server.server_port}/   (Ctrl-C ends it)", highlight=False, soft_wrap=True)
            _follow(spec, place, server)
            console.print(f"the search has ended: {page}", highlight=False, soft_wrap=True)
        except KeyboardInterrupt:
            with contextlib.suppress(OSError):
                console.print("stopped")


@contextlib.contextmanager
def _serving(server: _Server) -> Iterator[_Server]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _follow(spec: SearchSpec, place: Place, server: _Server) -> None:
    """Look again and again, and let whoever watches see the end."""
    while not server.complete:
        began = time.monotonic()
        server.keep(_look(spec, place))
        if not server.complete:
            time.sleep(max(_EVERY_S, (time.monotonic() - began) / _SHARE_OF_TIME))
    server.told.wait(_LAST_LOOK_S)


def _look(spec: SearchSpec, place: Place) -> State:
    study = SearchStudy(database_of(place), spec)
    return begun(place.name) if study.baseline is None else state_of(summarise(spec, place, study))
