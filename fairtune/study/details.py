"""What is big of the trials' results, in one file beside the study: their epochs and group counts.

The file only grows. A result's part is on the disk before the study has the row that says where it is, so that a process killed
in between leaves a part that nothing names. The row has the part's digest too: what has been damaged since is found out when it
is read.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from fairtune.files import sync
from fairtune.room import needs_room
from fairtune.spec import Epoch, TrialResult
from fairtune.spec.base import Frozen
from fairtune.spec.result import Counts

_LEVEL = 1
"""Of compression: three times smaller; six times the time saves another tenth."""


class Part(Frozen):
    """Where a result's part is.

    Attributes:
        at: its first byte.
        bytes: how long it is.
        digest: of these bytes.
    """

    at: Annotated[int, Field(ge=0)]
    bytes: Annotated[int, Field(ge=0)]
    digest: str


class _Big(Frozen):
    """What is big of a result."""

    history: tuple[Epoch, ...]
    val_counts: Counts | None

    def of(self, small: TrialResult) -> TrialResult:
        """The whole of a result."""
        return small.model_copy(update={"history": self.history, "val_counts": self.val_counts})


def without_details(result: TrialResult) -> TrialResult:
    """A result without what is kept here."""
    return result.model_copy(update={"history": (), "val_counts": None})


class Details:
    """The file.

    Args:
        path: of it; it is made when there is something to keep.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def keep(self, result: TrialResult) -> Part:
        """Add what is big of a result; it is on the disk when the call returns.

        Raises:
            NoRoom: the disk is full.
        """
        text = _Big(history=result.history, val_counts=result.val_counts).model_dump_json()
        packed = zlib.compress(text.encode(), _LEVEL)
        new = not self.path.exists()
        with needs_room(self.path.parent), self.path.open("ab") as file:
            at = file.seek(0, os.SEEK_END)
            file.write(packed)
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync(self.path.parent)
        return Part(at=at, bytes=len(packed), digest=_digest(packed))

    def add_to(self, small: TrialResult, part: Part) -> TrialResult | None:
        """The whole of a result; None if its part is damaged or gone."""
        try:
            with self.path.open("rb") as file:
                file.seek(part.at)
                packed = file.read(part.bytes)
            if _digest(packed) != part.digest:
                return None
            return _Big.model_validate_json(zlib.decompress(packed)).of(small)
        except (OSError, zlib.error, ValidationError):
            return None


def _digest(packed: bytes) -> str:
    return hashlib.blake2b(packed, digest_size=16).hexdigest()
