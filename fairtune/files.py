"""Files that are either whole or not there, and that are known to be whole when they are read.

What is written here is on the disk before it has its name. A sealed file has a note beside it, ``.NAME.seal``, with its length, its
digest, and its state (inode number, size, both times): a file in that state is the one that was written, which one ``stat`` tells
however large it is; any other is read and compared. Files without a note, those of earlier versions, are whole as far as their
readers can tell.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from fairtune.room import needs_room


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then rename it to ``path``.

    Raises:
        NoRoom: the disk is full.
    """
    _write(path, write, lambda: None)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, whatever the locale, as :func:`write_atomically` does."""
    write_atomically(path, lambda scratch: scratch.write_text(text, encoding="utf-8"))


def write_sealed(path: Path, write: Callable[[Path], object]) -> None:
    """As :func:`write_atomically`, with a note by which :func:`is_whole` knows the file.

    The old note goes before the new file comes: a process killed in between leaves a file without a note, not with another's.

    Raises:
        NoRoom: the disk is full.
    """
    _write(path, write, lambda: _seal_of(path).unlink(missing_ok=True))
    seal(path)


def seal(path: Path) -> None:
    """Note what a file holds that has just been written, and see to it that it is on the disk."""
    sync(path)
    _note(path, digest_of(path))


def is_whole(path: Path) -> bool:
    """Whether a file is there and, if it is sealed, holds what was written."""
    try:
        found = path.stat()
    except OSError:
        return False
    sealed = _read_seal(path)
    if sealed is None:
        return True
    if sealed["state"] == _state(found):
        return True
    if sealed["bytes"] != found.st_size or sealed["digest"] != digest_of(path):
        return False
    with suppress(OSError):  # in a folder that may only be read, the next reader finds out
        _note(path, str(sealed["digest"]))
    return True


def remove(path: Path) -> None:
    """Remove a file and its note, if they are there."""
    for file in (path, _seal_of(path)):
        file.unlink(missing_ok=True)


def move_sealed(path: Path, target: Path) -> None:
    """Rename a file with its note, in place of another."""
    _seal_of(target).unlink(missing_ok=True)
    path.replace(target)
    if _seal_of(path).exists():
        _seal_of(path).replace(_seal_of(target))


def sync(path: Path) -> None:
    """See to it that a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest_of(path: Path) -> str:
    """The digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def shipped(name: str) -> Path:
    """A folder that comes with fairtune, such as ``pipelines``: inside the installed package, or beside it in a checkout."""
    installed = Path(__file__).parent / name
    return installed if installed.is_dir() else Path(__file__).parents[1] / name


def data_root(given: str | None) -> Path:
    """The folder of original data files: as given, else ``$FAIRTUNE_DATA``, else ``data``."""
    return Path(given or os.environ.get("FAIRTUNE_DATA") or "data").expanduser().resolve()


def _write(path: Path, write: Callable[[Path], object], before: Callable[[], None]) -> None:
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with needs_room(path.parent, scratch):
            write(scratch)
            sync(scratch)
            before()
            scratch.replace(path)
            sync(path.parent)
    finally:
        scratch.unlink(missing_ok=True)


def _note(path: Path, digest: str) -> None:
    found = path.stat()
    noted = json.dumps({"bytes": found.st_size, "digest": digest, "state": _state(found)})
    write_text(_seal_of(path), noted)


def _read_seal(path: Path) -> dict[str, object] | None:
    """The note of a file; None if there is none that can be read."""
    try:
        noted = json.loads(_seal_of(path).read_bytes())
        return {name: noted[name] for name in ("bytes", "digest", "state")}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _seal_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.seal")


def _state(found: os.stat_result) -> str:
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
