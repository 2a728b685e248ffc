"""The original files of a dataset: where they may lie, and whether they are still the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from fairtune.errors import DataError


def state_of(root: Path, names: Sequence[str]) -> str:
    """A digest of names, sizes and modification times of files.

    The pixels of 200,000 images take minutes to read, their directory entries a second; an image that was changed, added or
    taken away changes the digest, and so does one that was only touched or copied: it is decoded anew.

    Args:
        root: folder of the original files.
        names: of the files, relative to ``root``.

    Raises:
        DataError: files are missing.
    """
    digest = hashlib.sha256()
    missing = []
    for name in names:
        try:
            found = (root / name).stat()
        except OSError:
            missing.append(name)
            continue
        digest.update(f"{name}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    if missing:
        raise DataError(f"{len(missing)} of {len(names)} files are missing in {root}: {first_of(missing)}")
    return digest.hexdigest()


def first_of(names: list[str], shown: int = 10) -> str:
    """The first few of many names, and how many more there are."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def within(root: Path, names: Sequence[str]) -> list[str]:
    """Paths relative to a folder, checked to lie in it; symbolic links inside the folder may lead anywhere.

    Args:
        root: the folder.
        names: relative, or absolute below it.

    Raises:
        DataError: some lead out of it.
    """
    folder = os.path.abspath(root)  # noqa: PTH100
    found = [os.path.relpath(os.path.join(folder, name), folder) for name in names]  # noqa: PTH118
    outside = [name for name, path in zip(names, found, strict=True) if path.split(os.sep, 1)[0] == os.pardir]
    if outside:
        raise DataError(f"{len(outside)} paths lead out of {root}: {first_of(outside)}; give --data a folder that holds all files")
    return found
