"""Whether the database file of a study is whole, and what to do where it is not. Asked without Optuna."""

from __future__ import annotations

import datetime as dt
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from fairtune.errors import FairtuneError, InvalidInput
from fairtune.study.patient import connect

NAME = "search"
"""Of the study in its file."""


def copy_of(database: Path) -> Path:
    """Where the copy of a study lies."""
    return database.with_name(f"{database.stem}.backup{database.suffix}")


def check_study(database: Path) -> None:
    """Check that a file holds a study that is whole.

    Raises:
        InvalidInput: it does not; what to do.
    """
    if fault := fault_of(database):
        raise damaged(database, fault)


@contextmanager
def needs_study(database: Path) -> Iterator[None]:
    """Tell what fails in this block because a study's file has gone or cannot be read, as with a lost disk.

    Raises:
        InvalidInput: it has, or cannot; what to do.
    """
    try:
        yield
    except FairtuneError:
        raise
    except Exception as error:
        if any(_is_about(cause, database) for cause in _causes(error)) and (fault := fault_of(database)):
            raise damaged(database, fault) from error
        raise


def _is_about(error: BaseException, database: Path) -> bool:
    """Whether an error is a database's, or that a file has gone that lies beside one."""
    gone = isinstance(error, FileNotFoundError) and Path(str(error.filename)).is_relative_to(database.parent)
    return gone or isinstance(error, sqlite3.Error)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def damaged(database: Path, fault: str) -> InvalidInput:
    """What to say of a study that is not whole."""
    return InvalidInput(f"the study {database} {fault}: {advice_for(database)}")


def fault_of(database: Path) -> str | None:
    """What is wrong with a study's file; None if nothing is."""
    if not database.is_file():
        return "is not there"
    if database.stat().st_size == 0:
        return "is empty"
    try:
        with closing(connect(database, "ro")) as connection:
            page, pages = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count"))
            if database.stat().st_size < page * pages:
                return f"is damaged (it has {database.stat().st_size} of {page * pages} bytes)"
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                return f"is damaged ({' '.join(found.split())})"
            if not connection.execute("SELECT count(*) FROM studies WHERE study_name = ?", [NAME]).fetchone()[0]:
                return "holds no search"
    except sqlite3.Error as error:
        return f"is damaged ({error})"
    return None


def advice_for(database: Path) -> str:
    """What to do where a study's file is not whole."""
    copy = copy_of(database)
    if fault_of(copy) is not None:
        return "there is no copy of it; begin the search anew under another --name"
    when = dt.datetime.fromtimestamp(copy.stat().st_mtime).isoformat(" ", "seconds")
    return f"put back its copy of {when}, then resume: {shlex.join(['mv', str(copy), str(database)])}"
