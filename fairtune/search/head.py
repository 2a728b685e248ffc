"""Whether the head of a cluster that a search has joined still answers.

Ray itself waits for it, and after a minute in vain ends this process where it stands.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable

import ray
from ray.util.client import ray as client

from fairtune.search.watch import RayDied

_log = logging.getLogger(__name__)
_EVERY_S, _PATIENCE_S, _CONNECT_S = 3.0, 20.0, 2.0


class Head:
    """The head of a cluster.

    Args:
        address: of its GCS, ``HOST:PORT``.
        clock: seconds that pass.
    """

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = address
        self._clock = clock
        self._next = clock()
        self._silent_since: float | None = None

    def check(self) -> None:
        """Ask whether it answers, every few seconds; cheap enough to be called at every turn.

        Raises:
            RayDied: it has not answered for some time.
        """
        now = self._clock()
        if now < self._next:
            return
        self._next = now + _EVERY_S
        if self._answers():
            self._silent_since = None
        elif self._silent_since is None:
            self._silent_since = now
            _log.warning(f"the head of the Ray cluster at {self._address} does not answer")
        elif now - self._silent_since >= _PATIENCE_S:
            raise RayDied(f"the head of the Ray cluster at {self._address} has not answered for {now - self._silent_since:.0f} s")

    def _answers(self) -> bool:
        host, _, port = self._address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
        except OSError:
            return False
        return True


def head_of_cluster() -> Head | None:
    """The head of the cluster that this process has joined; None where a Ray client server stands between them."""
    return None if client.is_connected() else Head(ray.get_runtime_context().gcs_address)
