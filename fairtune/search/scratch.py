"""The folder of a local cluster's own files; nothing in it outlives its process for long."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fairtune.locks import Lock

PREFIX = "ft-"
_LOCK = ".lock"


@contextmanager
def private_folder(inside: Path) -> Iterator[Path]:
    """A new folder that no other user can look into, and that goes with the block.

    Those that killed processes of this user have left beside it go first: each is locked by its process as long as that lives.
    """
    remove_orphans(inside)
    # Ray opens the folder that it is given to every user; the one around it stays closed.
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=inside, ignore_cleanup_errors=True) as made:
        lock = Lock(Path(made) / _LOCK, f"the folder {made}")
        lock.take()
        try:
            yield Path(made)
        finally:
            lock.release()


def remove_orphans(inside: Path) -> None:
    """Remove what processes of this user have left in a folder that were killed."""
    for lock_file in inside.glob(f"{PREFIX}*/{_LOCK}"):
        lock = Lock(lock_file, f"the folder {lock_file.parent}")
        with suppress(OSError):
            if lock_file.stat().st_uid == os.getuid() and lock.take():
                shutil.rmtree(lock_file.parent, ignore_errors=True)
                lock.release()
