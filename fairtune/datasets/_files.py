"""The original files of a dataset: where they may lie, and whether they are there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from fairtune.errors import DataError


def stat_all(root: Path, names: Sequence[str], obtain: str) -> list[os.stat_result]:
    """What the file system says of each file.

    Args:
        root: folder of the original files.
        names: of the files, relative to ``root``.
        obtain: how to get them, for the error.

    Raises:
        DataError: files are missing.
    """
    found, missing = [], []
    for name in names:
        try:
            found.append(os.stat(os.path.join(root, name)))  # noqa: PTH116, PTH118
        except OSError:
            missing.append(name)
    if missing:
        raise DataError(f"{len(missing):,} of {len(names):,} files are missing in {root}: {first_of(missing)}; {obtain}")
    return found


def stamp(path: Path) -> tuple[int, ...]:
    """What changes whenever a file does: its size, times and inode number."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def first_of(names: list[str], shown: int = 10) -> str:
    """The first few of many names, and how many more there are."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def _relative(folder: str, name: str) -> str:
    """A path relative to a folder, without its detours; that of a plain relative one is itself, at a tenth of the cost."""
    if not (name.startswith(("/", ".")) or name.endswith("/") or "/." in name or "//" in name):
        return name
    return os.path.relpath(os.path.join(folder, name), folder)  # noqa: PTH118


def within(root: Path, names: Sequence[str]) -> list[str]:
    """Paths relative to a folder, checked to lie in it; symbolic links inside the folder may lead anywhere.

    Args:
        root: the folder.
        names: relative, or absolute below it.

    Raises:
        DataError: some lead out of it.
    """
    folder = os.path.abspath(root)  # noqa: PTH100
    found = [_relative(folder, name) for name in names]
    outside = [name for name, path in zip(names, found, strict=True) if path.split(os.sep, 1)[0] == os.pardir]
    if outside:
        raise DataError(
            f"paths that lead out of {root} ({len(outside)}): {first_of(outside)}; give --data a folder that holds all files"
        )
    return found


def check_present(root: Path, names: Sequence[str], obtain: str) -> None:
    """Check that files are there, by listing their folders once.

    Args:
        root: folder of the original files.
        names: of the files, relative to ``root``.
        obtain: how to get them, for the error.

    Raises:
        DataError: some are not there, as after an archive that was not unpacked to the end.
    """
    there: dict[str, set[str]] = {}
    missing = []
    for name in names:
        folder, _, file = name.rpartition("/")
        if folder not in there:
            there[folder] = {entry.name for entry in os.scandir(root / folder)} if (root / folder).is_dir() else set()
        if file not in there[folder]:
            missing.append(name)
    if missing:
        raise DataError(f"{len(missing):,} of {len(names):,} files are missing in {root}: {first_of(missing, 3)}; {obtain}")
