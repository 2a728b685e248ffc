"""Locks between processes: whoever finds one taken is refused or waits, with a sentence that names the holder."""

from __future__ import annotations

import datetime as dt
import errno
import fcntl
import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairtune.errors import InvalidInput

_log = logging.getLogger(__name__)
_POLL_S = 0.2
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


class Lock:
    """A lock on a file, which says who holds it. It ends with its process, however that ends.

    Where the file system knows no locks, a warning says so and everybody is let in.

    Args:
        file: is made if it is not there, and stays.
        what: is locked, as a sentence calls it.
    """

    def __init__(self, file: Path, what: str) -> None:
        self.file = file
        self.what = what
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take the lock if it is free; whether it was."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(descriptor)
                if isinstance(error, BlockingIOError | PermissionError):
                    return False
                raise
            _log.warning(f"the file system of {self.file.parent} knows no locks: let no other process use {self.what} meanwhile")
        self._descriptor = descriptor
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(_this_process()).encode())
        return True

    def release(self) -> None:
        """Give the lock back, if it is taken."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def holder(self) -> str:
        """Who has taken it: process, machine and since when."""
        try:
            return "process {pid} on {host} since {since}".format(**json.loads(self.file.read_text()))
        except (OSError, ValueError, KeyError):
            return "another process"

    @contextmanager
    def or_refuse(self, advice: str) -> Iterator[None]:
        """Hold the lock.

        Args:
            advice: what to do where that is impossible.

        Raises:
            InvalidInput: somebody else holds it.
        """
        if not self.take():
            raise InvalidInput(f"{self.what} is in use by {self.holder}: {advice}")
        try:
            yield
        finally:
            self.release()

    @contextmanager
    def or_wait(self) -> Iterator[None]:
        """Hold the lock as soon as it is free; who is waited for is said at once."""
        if not self.take():
            self.say()
            while not self.take():
                time.sleep(_POLL_S)
        try:
            yield
        finally:
            self.release()

    def say(self) -> None:
        """Say who is waited for."""
        _log.warning(f"waiting for {self.what}, in use by {self.holder}")


def _this_process() -> dict[str, object]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": f"{dt.datetime.now():%Y-%m-%d %H:%M:%S}"}
