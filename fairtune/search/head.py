"""Whether the head of a joined cluster still answers: Ray waits a minute without a word, then ends this process with its own."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ray

from fairtune.search.watch import RayDied

_log = logging.getLogger(__name__)
_EVERY_S, _CONNECT_S = 1.0, 3.0
_SILENCE_S = 6.0
_GIVEN_UP_S = 35.0
_LEFT_S = 50.0
"""Ray's own limit is 60 seconds."""
_LOST = "the head of the Ray cluster at {} has not answered for {:.0f} s: it or the way to it is gone"


class Head:
    """The head of a cluster, of which is known since when it has not answered.

    Args:
        address: as the user gave it, for messages.
        place: ``HOST:PORT`` at which it answers.
        clock: seconds that pass.
    """

    def __init__(self, address: str, place: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = address
        host, _, port = place.rpartition(":")
        self._place = host.strip("[]"), int(port)
        self._clock = clock
        self._heard = clock()
        self._told = False

    @property
    def silent_s(self) -> float:
        """Seconds since it last answered."""
        return self._clock() - self._heard

    def look(self) -> None:
        """Ask once whether it answers, and say so where it has not for some seconds, or does again."""
        try:
            socket.create_connection(self._place, timeout=_CONNECT_S).close()
        except OSError:
            if self.silent_s >= _SILENCE_S and not self._told:
                self._told = True
                _log.warning(f"waiting for the head of the Ray cluster at {self._address}: no answer for {self.silent_s:.0f} s")
        else:
            if self._told:
                _log.warning(f"the head of the Ray cluster at {self._address} answers again")
            self._heard, self._told = self._clock(), False

    def check(self) -> None:
        """Whether to go on.

        Raises:
            RayDied: it has not answered for too long.
        """
        if self.silent_s >= _GIVEN_UP_S:
            raise RayDied(self.lost)

    @property
    def lost(self) -> str:
        """That it does not answer, in words."""
        return _LOST.format(self._address, self.silent_s)


@contextmanager
def watched_head(address: str | None, advice: str) -> Iterator[Callable[[], None]]:
    """Look after the head of the cluster that this process has joined, from a thread: whoever asks Ray for something waits for it.

    Args:
        address: of the cluster, as the user gave it; None for one that was started here, which is no other machine's.
        advice: what to do where it is lost, a sentence.

    Yields:
        What raises :class:`RayDied` where it is. A process that still waits for Ray when Ray is about to end it is ended here.
    """
    if address is None:
        yield lambda: None
        return
    place = urllib.parse.urlsplit(address).netloc if "://" in address else ray.get_runtime_context().gcs_address
    head, over = Head(address, place), threading.Event()
    thread = threading.Thread(target=_look_after, args=(head, over, advice), daemon=True)
    thread.start()
    try:
        yield head.check
    finally:
        over.set()
        thread.join()


def _look_after(head: Head, over: threading.Event, advice: str) -> None:
    while not over.wait(_EVERY_S):
        head.look()
        if head.silent_s >= _LEFT_S:
            _log.error(f"{head.lost}; {advice}")
            os._exit(1)
