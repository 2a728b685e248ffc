"""A search whose disk is full waits for room instead of failing trial after trial."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from fairtune.errors import Interrupted, NoRoom
from fairtune.room import has_room, needs_room

T = TypeVar("T")

_EVERY_S = 5.0


def with_room(run: Path, console: Console, session: Callable[[], T]) -> T:
    """Run a session of a search; after one that a full disk ended, another one as soon as there is room.

    Args:
        run: the run's folder.
        console: where to say what is needed.
        session: goes on from what is kept.

    Raises:
        Interrupted: the user stopped the waiting.
    """
    while True:
        try:
            with needs_room(run):
                return session()
        except NoRoom as lack:
            _wait(lack, run, console)


def _wait(lack: NoRoom, run: Path, console: Console) -> None:
    console.print(
        f"paused: {lack}; what is finished is kept, and the search goes on by itself when there is room",
        style="bold yellow",
        soft_wrap=True,
    )
    try:
        time.sleep(_EVERY_S)
        while not has_room(lack.folder, lack.needed):
            time.sleep(_EVERY_S)
    except KeyboardInterrupt:
        raise Interrupted(f"stopped; what is finished is kept. Go on with: fairtune resume {run}") from None
    console.print("there is room again: the search goes on")
