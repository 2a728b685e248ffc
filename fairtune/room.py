"""Room on a disk: whether a failure is for want of it or of leave to write, and whether there is some again."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairtune.errors import FairtuneError, NoRoom, NoWriting
from fairtune.sizes import MIB

MARGIN = 16 * MIB
"""Bytes that have to be free at least before a search goes on: less would be full again at once."""
_LEAST = MIB
_FULL = {errno.ENOSPC, errno.EDQUOT}
_TOO_MANY = {errno.EMFILE, errno.ENFILE}
"""Open files: that is no fault of the disk's."""
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
"""What an error of a library written in Rust ends in."""
_CHUNK = bytes(MIB)


@contextmanager
def needs_room(folder: Path, unfinished: Path | None = None) -> Iterator[None]:
    """Tell what fails in this block for want of room from all other failures.

    The libraries that write for us say so in ways of their own (a ``RuntimeError`` of torch, Optuna's storage, an ``OSError``
    without a number), so the folder is tried too.

    Args:
        folder: where the block writes.
        unfinished: the file that it writes; twice its size is said to be needed.

    Raises:
        NoRoom: the disk or the user's share of it is full.
    """
    try:
        yield
    except FairtuneError:
        raise
    except Exception as error:
        if is_full(error) or not has_room(folder, _LEAST):
            written = unfinished.stat().st_size if unfinished is not None and unfinished.exists() else 0
            raise NoRoom(folder, max(MARGIN, 2 * written)) from error
        raise


@contextmanager
def needs_writing(folder: Path) -> Iterator[None]:
    """Tell what fails in this block because a folder cannot be written any more, as where a failing disk became read-only.

    Args:
        folder: where the block writes.

    Raises:
        NoWriting: it cannot.
    """
    try:
        yield
    except FairtuneError:
        raise
    except Exception as error:
        if (reason := refusal(folder)) is not None:
            raise NoWriting(folder, reason) from error
        raise


def refusal(folder: Path) -> str | None:
    """Why a folder cannot be written, want of room and of open files aside; None if it can."""
    try:
        with tempfile.TemporaryFile(dir=_existing(folder)):
            return None
    except OSError as error:
        return None if error.errno in _FULL | _TOO_MANY else str(error.strerror)


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or what led to it, is that of a full disk or a used up quota."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return True
        if (said := _OS_ERROR.search(str(error))) is not None and int(said[1]) in _FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def has_room(folder: Path, size: int) -> bool:
    """Whether a file of this size could be written; tried, because free space says nothing of quotas.

    Args:
        folder: where; if it is not there, where it would be made.
        size: in bytes.
    """
    try:
        with tempfile.TemporaryFile(dir=_existing(folder)) as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                for _ in range(-(-size // len(_CHUNK))):
                    file.write(_CHUNK)
                file.flush()
    except OSError as error:
        return error.errno not in _FULL
    return True


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
