"""Ends a worker that hangs: one whose training ends no epoch for too long."""

from __future__ import annotations

import faulthandler
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_SHOWN = 4000
"""Characters of the stacks that are kept with the trial."""


@contextmanager
def watched(note: Path, limit_s: float | None) -> Iterator[Callable[[], None]]:
    """End this process if the block goes on for too long without a sign of life.

    It is ended from outside Python's interpreter, so that a call that never gives it back is ended too.

    Args:
        note: is left behind by a process that was ended: where all its threads were.
        limit_s: seconds; None for as long as it takes.

    Yields:
        What gives a sign of life.
    """
    if limit_s is None:
        yield lambda: None
        return
    note.parent.mkdir(parents=True, exist_ok=True)
    with note.open("w") as file:

        def alive() -> None:
            faulthandler.dump_traceback_later(limit_s, exit=True, file=file)

        try:
            alive()
            yield alive
        finally:
            faulthandler.cancel_dump_traceback_later()
    note.unlink()


def hung(note: Path, limit_s: float | None) -> str | None:
    """Why a training was ended that hung, if it was; told once.

    Args:
        note: as for :func:`watched`.
        limit_s: likewise.
    """
    stacks = note.read_text(errors="replace") if note.exists() else ""
    note.unlink(missing_ok=True)
    if not stacks:
        return None
    return f"it hung: no epoch ended within {limit_s:g} s (--trial-timeout). It was here:\n{stacks[:_SHOWN].strip()}"
