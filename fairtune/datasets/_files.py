"""The original files of a dataset: where they may lie, and whether they are still the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from fairtune.errors import DataError


def state_of(root: Path, names: Iterable[str]) -> str:
    """A digest of names, sizes and modification times of files.

    The pixels of 200,000 images take minutes to read, their directory entries a second; an image that was changed, added or
    taken away changes the digest, and so does one that was only touched or copied: it is decoded anew.

    Args:
        root: folder of the original files.
        names: of the files, relative to ``root``.

    Raises:
        DataError: files are missing.
    """
    return _state_of(root, tuple(names))


@lru_cache(maxsize=8)
def _state_of(root: Path, names: tuple[str, ...]) -> str:
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
