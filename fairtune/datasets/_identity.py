"""What identifies decoded pools: the options that shape them and the content of every file that they are read from.

To read 200,000 files takes minutes, to ask the file system for them a second. Content is therefore hashed as files are decoded, and
noted with the *state* of the files: names, sizes, times and inode numbers. Files of a known state are known; those of another
state that look alike (names and sizes) are hashed, so that a folder that was copied or touched is recognised and not decoded anew.
The time of the last change of an inode is part of the state: whoever writes to a file cannot set it back.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fairtune.datasets._files import first_of, stat_all

if TYPE_CHECKING:
    from fairtune.datasets._base import Dataset

DIGEST_BYTES = 16
_SETTLED_NS = 2 * 10**9
"""A file system's clock ticks in milliseconds, some in seconds: within a tick a file can change without a change of its state."""
_AT_ONCE = 1024

Digests = Mapping[str, bytes]
"""Digest of the content of each file, by name."""


@dataclass(frozen=True)
class Identity:
    """What can be said of pools before a file is read.

    Attributes:
        key: of the decoding, the options, and names and sizes of the files; the name of the pools begins with it.
        names: of the files, relative to the folder of the original ones.
        state: of the files as the file system tells it; empty where there are none.
        settled: whether the state names one content: no file has changed just now.
    """

    key: str
    names: tuple[str, ...] = ()
    state: str = ""
    settled: bool = True

    def pools(self, digests: Digests) -> str:
        """The name of the pools: the key, and the content of the files."""
        if not self.names:
            return self.key
        content = _digest("".join(f"{name}\0{digests[name].hex()}\n" for name in self.names))
        return f"{self.key}-{content}"


def identify(dataset: Dataset, root: Path) -> Identity:
    """The identity of a dataset's pools, as far as it is known without reading files.

    Raises:
        DataError: files are missing.
    """
    content = dataset.content(root)
    names = tuple(dict.fromkeys(content.files))
    options = json.dumps(content.options, sort_keys=True)
    if not names:
        return Identity(dataset.cache_name if options == "[]" else f"{dataset.cache_name}-{_digest(options)}")
    found = stat_all(root, names, dataset.obtain)
    sizes = "".join(f"{name}\0{file.st_size}\n" for name, file in zip(names, found, strict=True))
    times = "".join(f"{file.st_ino} {file.st_mtime_ns} {file.st_ctime_ns}\n" for file in found)
    newest = max(file.st_ctime_ns for file in found)
    key = f"{dataset.cache_name}-{_digest(options + sizes)[:8]}"
    return Identity(key, names, _digest(sizes + times), newest < time.time_ns() - _SETTLED_NS)


def digest_of_content(content: bytes) -> bytes:
    """The digest of a file's content: of SHA-256, which processors have instructions for."""
    return hashlib.sha256(content).digest()[:DIGEST_BYTES]


def digest_files(root: Path, names: Sequence[str], report: Callable[[int], object]) -> dict[str, bytes]:
    """Read files and digest them; one that cannot be read counts as empty, as it does where images are decoded.

    Args:
        root: folder of the files.
        names: relative to it.
        report: told how many have been read.
    """
    digests: dict[str, bytes] = {}
    with ThreadPoolExecutor() as threads:
        for some in _portions(names):
            digests |= zip(some, threads.map(lambda name: _digest_file(root / name), some), strict=True)
            report(len(digests))
    return digests


def differences(before: Digests, now: Digests) -> str:
    """Which files differ, and how."""
    found = {
        "changed": [name for name in now if name in before and before[name] != now[name]],
        "new": [name for name in now if name not in before],
        "gone": [name for name in before if name not in now],
    }
    return "; ".join(f"{what} ({len(names):,}): {first_of(names, 3)}" for what, names in found.items() if names)


def _portions(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + _AT_ONCE] for start in range(0, len(names), _AT_ONCE))


def _digest_file(path: Path) -> bytes:
    try:
        return digest_of_content(path.read_bytes())
    except OSError:
        return digest_of_content(b"")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
