"""A search that lacks what will come back, its disk, room on it or the study's database, waits instead of failing."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from rich.console import Console

from fairtune.errors import Interrupted, NoRoom, NoServer, NoWriting
from fairtune.request import checks
from fairtune.room import has_room, needs_room, needs_writing, refusal
from fairtune.spec import Place
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.server import Server, reaching
from fairtune.study.whole import needs_study

T = TypeVar("T")

_EVERY_S = 5.0
_AGAIN = {NoRoom: "there is room", NoWriting: "the disk can be written", NoServer: "the database answers"}


def with_patience(place: Place, console: Console, session: Callable[[], T]) -> T:
    """Run a session of a search; after one that the disk or a silent database ended, another one as soon as it can go on.

    Args:
        place: where the search runs.
        console: where to say what is needed.
        session: goes on from what is kept.

    Raises:
        Interrupted: the user stopped the waiting.
        InvalidInput: the study's file has gone or is damaged; what to do.
    """
    run = RunFolder.of(place).path
    while True:
        try:
            with _reaching_study(place), needs_writing(run), needs_room(run):
                return session()
        except (NoRoom, NoWriting, NoServer) as lack:
            _wait(lack, place, console)


def _reaching_study(place: Place) -> AbstractContextManager[None]:
    database = database_of(place)
    return reaching(database.address) if isinstance(database, Server) else needs_study(database)


def _wait(lack: NoRoom | NoWriting | NoServer, place: Place, console: Console) -> None:
    console.print(
        f"paused: {lack}; what is finished is kept, and the search goes on by itself when that is mended",
        style="bold yellow",
        soft_wrap=True,
    )
    try:
        time.sleep(_EVERY_S)
        while not _mended(lack, place):
            time.sleep(_EVERY_S)
    except KeyboardInterrupt:
        raise Interrupted(f"stopped; what is finished is kept. Go on with: fairtune resume {RunFolder.of(place).path}") from None
    console.print(f"{_AGAIN[type(lack)]} again: the search goes on")


def _mended(lack: NoRoom | NoWriting | NoServer, place: Place) -> bool:
    if isinstance(lack, NoRoom):
        return has_room(lack.folder, lack.needed)
    return refusal(lack.folder) is None if isinstance(lack, NoWriting) else not checks.study(place)
