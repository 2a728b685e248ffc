"""Whose fault it is that a trial cannot go on: its setting's, or the search's."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

import torch

from fairtune.errors import DataError, NoRoom, SearchFault
from fairtune.room import MARGIN, is_full

_DISK = {
    getattr(errno, name)
    for name in ("EACCES", "EIO", "EMFILE", "ENFILE", "ENODEV", "ENOTCONN", "ENXIO", "EPERM", "EROFS", "ESTALE")
    if hasattr(errno, name)
}
"""What a disk or a system says that serves no trial."""
_HOST_MEMORY = "DefaultCPUAllocator: can't allocate memory"
"""What torch says, in a bare ``RuntimeError``, where the machine's memory is used up."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a GPU's or the machine's memory was used up."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or _HOST_MEMORY in str(error)


def fault_of_search(error: BaseException) -> SearchFault | None:
    """The fault of the search that an error tells of: data, teacher or disk are missing; None if it is the setting's own."""
    if isinstance(error, SearchFault):
        return error
    if isinstance(error, DataError):
        return SearchFault(str(error))
    if is_full(error):
        named = getattr(error, "filename", None)
        return NoRoom(Path(named).parent if isinstance(named, str) else Path(tempfile.gettempdir()), MARGIN)
    if isinstance(error, OSError) and error.errno in _DISK:
        return SearchFault(f"the disk fails: {error}")
    return None
