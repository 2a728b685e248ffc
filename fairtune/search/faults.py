"""Which ends of a training are the search's fault and not its own, so that it has to be trained again."""

from __future__ import annotations

from pathlib import Path

from fairtune.errors import NoRoom, NoWriting, SearchFault
from fairtune.room import MARGIN, has_room, refusal
from fairtune.spec import TrialResult
from fairtune.study.jobs import Job


def fault_of(job: Job, result: TrialResult, folder: Path) -> SearchFault | None:
    """Why a training has to be repeated; None if it has not. Whatever fails while the disk takes nothing is the disk's.

    Args:
        job: that has ended.
        result: with this.
        folder: of the run.
    """
    if result.lacks is not None:
        return NoRoom(Path(result.lacks.folder), result.lacks.bytes)
    if result.state == "complete":
        return _not_taken_home(job)
    if result.state not in ("waiting", "failed"):
        return None
    if (reason := refusal(folder)) is not None:
        return NoWriting(folder, reason)
    if result.state == "waiting":
        return SearchFault(str(result.error))
    return None if has_room(folder, MARGIN) else NoRoom(folder, MARGIN)


def _not_taken_home(job: Job) -> SearchFault | None:
    """Why the net that another machine has trained cannot be had here; None if it can, or there is none."""
    try:
        if job.key.is_shared:
            job.folder.read_trained()
        else:
            job.folder.take_home()
    except SearchFault as fault:
        return fault
    return None
