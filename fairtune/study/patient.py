"""Connections to SQLite that wait as long as another process has locked the file, and say so."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar  # noqa: TID251  sqlite3's types of a statement have no public names

T = TypeVar("T")

SILENCE_S = 8.0
"""How long a lock is waited for without a line; lines come more and more rarely."""
_PAUSE_S = 0.1
_PRIMARY = 0xFF
_log = logging.getLogger(__name__)


class PatientConnection(sqlite3.Connection):
    """A connection whose statements wait for the lock of another process, for as long as it takes."""

    def __init__(self, database: Any, timeout: float | None = None, **options: Any) -> None:
        super().__init__(database, timeout=SILENCE_S if timeout is None else timeout, **options)

    def cursor(self, factory: Any = None) -> Any:
        """A cursor that waits too."""
        return super().cursor(factory or _PatientCursor)

    def execute(self, *statement: Any) -> sqlite3.Cursor:
        """As the base class, once the lock is free."""
        return _patiently(lambda: super(PatientConnection, self).execute(*statement))

    def commit(self) -> None:
        """As the base class, once the lock is free."""
        _patiently(super().commit)


class _PatientCursor(sqlite3.Cursor):
    def execute(self, *statement: Any) -> _PatientCursor:
        return _patiently(lambda: super(_PatientCursor, self).execute(*statement))

    def executemany(self, *statement: Any) -> _PatientCursor:
        return _patiently(lambda: super(_PatientCursor, self).executemany(*statement))


def connect(database: Path, mode: str) -> sqlite3.Connection:
    """Open a database file, whatever characters are in its path; ``mode`` is SQLite's, such as ``ro``."""
    return sqlite3.connect(f"{database.resolve().as_uri()}?mode={mode}", uri=True, factory=PatientConnection)


def _patiently(act: Callable[[], T]) -> T:
    """Do what a lock may prevent, again and again; a statement that was prevented has done nothing."""
    began = time.monotonic()
    silence = SILENCE_S
    while True:
        try:
            return act()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY:
                raise
        waited = time.monotonic() - began
        if waited >= silence:
            silence = 2 * waited
            _log.warning(f"waiting {waited:.0f} s for the study, which another process has locked")
        time.sleep(_PAUSE_S)
