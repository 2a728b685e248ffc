"""The Ray cluster a search runs on: one started here, or one that is there already."""

from __future__ import annotations

import logging
import os
import secrets
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TypedDict, Unpack

import ray
from ray._private import utils, worker
from ray._private.authentication.authentication_utils import is_token_auth_enabled

from fairtune.addresses import is_loopback
from fairtune.endings import kept_from_children
from fairtune.errors import InvalidInput
from fairtune.search.access import authentication
from fairtune.search.demand import Demand, demand_of
from fairtune.search.knock import knock
from fairtune.search.scratch import private_folder
from fairtune.sizes import MIB
from fairtune.spec import Place

_log = logging.getLogger(__name__)
_OBJECT_STORE_BYTES = 256 * MIB
_SILENCE_S = 8
_SOCKET_PATH = 103 if sys.platform == "darwin" else 107
"""Bytes that the system allows in the path of a Unix socket."""
_INSIDE = len("/ft-12345678/r/session_2026-01-01_00-00-00_123456_1234567/sockets/plasma_store.1")
"""What is added to the folder of a local cluster to make the longest path of a socket."""


class _Start(TypedDict, total=False):
    """What Ray is told beside what it is always told."""

    address: str
    include_dashboard: bool
    object_store_memory: int
    _temp_dir: str


@contextmanager
def cluster(place: Place) -> Iterator[Demand]:
    """Connect to the cluster, or start one on this machine that ends with the block.

    A cluster started here listens on loopback only and wants a token that this process alone knows. Within :func:`lasting` it
    stays for the next search, unless this block ends with an error.

    Yields:
        What to ask it for.

    Raises:
        InvalidInput: the cluster does not answer or start, or can never run a trial of this size.
    """
    kept = _lasting.get()
    with _connection(place.address) if kept is None else kept.connection(place.address):
        yield demand_of(place)


@contextmanager
def lasting() -> Iterator[None]:
    """Let searches that follow each other share one connection: Ray starts once for all of them, not once for each."""
    with _Lasting() as connections:
        token = _lasting.set(connections)
        try:
            yield
        finally:
            _lasting.reset(token)


class _Lasting(ExitStack):
    """At most one connection at a time, which ends with the stack, or before where a search ends with an error or is elsewhere."""

    _to: tuple[str | None] | None = None

    @contextmanager
    def connection(self, address: str | None) -> Iterator[None]:
        """A connection that outlives the block; what went wrong in the block may have been Ray, so then it does not."""
        if self._to != (address,) or not ray.is_initialized():
            self.close()
            self.enter_context(_connection(address))
            self._to = (address,)
        try:
            yield
        except BaseException:
            self.close()
            raise


_lasting: ContextVar[_Lasting | None] = ContextVar("lasting", default=None)


def check_cluster(place: Place) -> None:
    """Refuse what :func:`cluster` would, as far as it can be known before a cluster is started.

    Raises:
        InvalidInput: the cluster does not answer, or one started here could not be private to this user.
    """
    if ray.is_initialized():
        return
    if place.address is not None:
        knock(place.address)
    else:
        _check_loopback()
        _short_folder()


def _connection(address: str | None) -> AbstractContextManager[None]:
    if ray.is_initialized():
        return _given()
    return _local() if address is None else _joined(address)


@contextmanager
def _given() -> Iterator[None]:
    _warn_if_open((node["NodeManagerAddress"] for node in ray.nodes()), is_token_auth_enabled())
    yield


@contextmanager
def _local() -> Iterator[None]:
    _check_loopback()
    with (
        private_folder(_short_folder()) as folder,
        authentication("token", secrets.token_hex(32)),
    ):
        try:
            _init(
                "Ray to start on this machine",
                address="local",
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                _temp_dir=f"{folder}/r",
            )
            yield
        finally:
            ray.shutdown(wait_for_processes=True)


@contextmanager
def _joined(address: str) -> Iterator[None]:
    found = knock(address)
    _warn_if_open(found.hosts, found.authenticates)
    with authentication("token" if found.authenticates else "disabled"):
        try:
            _init(f"the Ray cluster at {address}", address=address)
            yield
        finally:
            ray.shutdown()


def _init(what: str, **options: Unpack[_Start]) -> None:
    notice = threading.Timer(_SILENCE_S, _log.warning, [f"still waiting for {what}"])
    notice.daemon = True
    notice.start()
    try:
        with kept_from_children(), _answering_signals_itself(), _saying_itself_what_fails():
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    except Exception as error:  # Ray raises bare ones
        raise InvalidInput(f"waited in vain for {what}: {' '.join(str(error).split())}") from error
    finally:
        notice.cancel()


@contextmanager
def _answering_signals_itself() -> Iterator[None]:
    """Ray's driver would answer SIGTERM by exiting on the spot, even half-way through its own start."""
    replace = utils.set_sigterm_handler
    utils.set_sigterm_handler = lambda handler: None
    try:
        yield
    finally:
        utils.set_sigterm_handler = replace


@contextmanager
def _saying_itself_what_fails() -> Iterator[None]:
    """Ray's driver would print pages of advice for every worker that dies; ``watch.py`` says it in a line."""
    replace = worker.listen_error_messages
    worker.listen_error_messages = lambda *unheard: None
    try:
        yield
    finally:
        worker.listen_error_messages = replace


def _check_loopback() -> None:
    address = ray.util.get_node_ip_address()
    if not is_loopback(address):
        raise InvalidInput(
            f"Ray was imported before fairtune and would let other machines in at {address}: import fairtune.search first, or "
            "set RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0 before Python starts"
        )


def _short_folder() -> Path:
    """The first folder for temporary files in which the paths of Ray's sockets are not too long."""
    tried = [Path(folder).absolute() for folder in (os.environ.get("RAY_TMPDIR"), tempfile.gettempdir(), "/tmp") if folder]
    for folder in tried:
        if len(os.fsencode(folder)) + _INSIDE <= _SOCKET_PATH and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise InvalidInput(
        f"no place for Ray's sockets: {', '.join(map(str, tried))} cannot be written or has a path of more than "
        f"{_SOCKET_PATH - _INSIDE} bytes; set RAY_TMPDIR to a folder that can and has not"
    )


def _warn_if_open(hosts: Iterable[str], authenticates: bool) -> None:
    reachable = sorted({host for host in hosts if not is_loopback(host)})
    if reachable and not authenticates:
        _log.warning(
            f"whoever reaches {', '.join(reachable[:3])} can run code on this Ray cluster, as it asks for no token: restart it "
            "with RAY_AUTH_MODE=token, as cluster.yaml does"
        )
