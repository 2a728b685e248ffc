"""Ways to damage a file, and a disk of a few MiB."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest


def cut(share: float) -> Callable[[Path], None]:
    """Leave the first part of a file."""

    def damage(path: Path) -> None:
        os.truncate(path, int(share * path.stat().st_size))

    return damage


def flip(path: Path) -> None:
    """Turn one byte in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def lose_last(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def zeros(path: Path) -> None:
    """A file of its length that was never written."""
    path.write_bytes(bytes(path.stat().st_size))


DAMAGES = [
    pytest.param(cut(0), id="empty"),
    pytest.param(cut(0.3), id="third"),
    pytest.param(cut(0.9), id="most"),
    pytest.param(lose_last, id="last"),
    pytest.param(flip, id="flipped"),
    pytest.param(zeros, id="zeros"),
]
SHORTENED = DAMAGES[:4]


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Path]:
    """A file system of its own; skips the test where this user cannot mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def read_only(folder: Path, seen_at: Path) -> Iterator[Path]:
    """A folder seen where nothing in it can be written, not even by root; skips the test where this user cannot do that."""
    seen_at.mkdir()
    _mount("--bind", str(folder), str(seen_at))
    try:
        _mount("-o", "remount,bind,ro", str(seen_at))
        yield seen_at
    finally:
        subprocess.run(["umount", "-l", str(seen_at)], check=True)


def freeze(disk: Path) -> Callable[[], None]:
    """Make a :func:`small_disk` on which no file is open read-only; what makes it writable again."""
    _mount("-o", "remount,ro", str(disk))
    return partial(_mount, "-o", "remount,rw", str(disk))


def _mount(*arguments: str) -> None:
    try:
        mounted = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount here")
    if mounted.returncode:
        pytest.skip(f"cannot mount: {mounted.stderr.strip()}")


def fill(folder: Path, *, but: int = 0) -> Path:
    """Write a file that leaves so many bytes of a disk free."""
    filler, size = folder / "filler", 0
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 4096)
        more = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize - but
        while more >= 4096:
            try:
                os.posix_fallocate(file.fileno(), 4096 + size, more)
                size += more
            except OSError:  # others write here too
                more //= 2
            else:
                more = 0 if but else 4096
    return filler
