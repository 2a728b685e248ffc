"""What can go wrong, in words a user can act on.

Every error that fairtune raises on purpose derives from :class:`FairtuneError`; the command line prints its text without a
traceback and ends with its ``exit_code``.
"""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from fairtune.sizes import MIB


class FairtuneError(Exception):
    """Base of all errors whose text is meant for the user."""

    exit_code = 2


class InvalidInput(FairtuneError):
    """One or more faults of a command, a file or an option, all reported together.

    Args:
        faults: one sentence each: what was given, what is allowed, what to do.
    """

    def __init__(self, faults: str | Sequence[str]) -> None:
        self.faults = [faults] if isinstance(faults, str) else list(faults)
        super().__init__("\n".join(self.faults))


class DataError(FairtuneError):
    """A data file is missing or damaged, or a split lacks samples that training or scoring needs."""


class Diverged(FairtuneError):
    """A training run produced a value that is not finite; recorded as a failed trial, never fatal to a search."""


class SearchFault(FairtuneError):
    """What no setting can help: the data, the teacher or the disk are missing. The search stops and its trials wait."""


class NoRoom(SearchFault):
    """A disk, or the user's share of it, is full.

    Args:
        folder: what could not be written to.
        needed: bytes that have to be free there.
        remedy: what to do.
    """

    def __init__(self, folder: Path, needed: int, remedy: str = "free some space") -> None:
        super().__init__(folder, needed, remedy)
        self.folder, self.needed, self.remedy = folder, needed, remedy

    def __str__(self) -> str:
        free = 0
        with suppress(OSError):
            free = shutil.disk_usage(self.folder).free
        sizes = f"{self.needed / MIB:,.0f} MiB are needed and {free / MIB:,.0f} MiB are free"
        return f"no room in {self.folder}: {sizes}; {self.remedy}"


class NoWriting(SearchFault):
    """A disk does not let itself be written any more.

    Args:
        folder: what could not be written to.
        reason: what the system says.
    """

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(folder, reason)
        self.folder, self.reason = folder, reason

    def __str__(self) -> str:
        return f"{self.folder} cannot be written any more ({self.reason}); make it writable again"


class NoServer(SearchFault):
    """The database server that keeps the study does not answer.

    Args:
        address: without its password.
        reason: what its client said.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(address, reason)
        self.address, self.reason = address, reason

    def __str__(self) -> str:
        return f"the study's database {self.address} does not answer: {self.reason}"


class NoBaseline(FairtuneError):
    """The plain model of a search, or its teacher, could not be trained, and so that of no search that shares it."""


class NoFeasibleTrial(FairtuneError):
    """A search ended without one trial at or above the accuracy floor."""

    exit_code = 3


class Interrupted(FairtuneError):
    """The user stopped a search; it can be resumed."""

    exit_code = 130


def unknown_name(kind: str, given: str, known: Iterable[str]) -> str:
    """A sentence for a name that does not exist, with the nearest ones that do.

    Args:
        kind: what the name should have named, for instance ``"method"``.
        given: what the user wrote.
        known: all names allowed.
    """
    names = sorted(known)
    near = difflib.get_close_matches(given, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(name) for name in near)}?" if near else f"known: {', '.join(names)}."
    return f"unknown {kind} {given!r}: {hint}"
