"""The cache of decoded pools: one copy per machine, memory-mapped by every process."""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
from filelock import FileLock

from fairtune.datasets._base import Dataset, Part, Pool
from fairtune.errors import DataError


def cache_folder() -> Path:
    """``$FAIRTUNE_CACHE``, by default ``~/.cache/fairtune``."""
    return Path(os.environ.get("FAIRTUNE_CACHE") or Path.home() / ".cache" / "fairtune").expanduser()


def open_part(dataset: Dataset, root: Path, part: Part) -> Pool:
    """The decoded pool of one part, from the cache; decoded into it first if need be.

    Args:
        dataset: the dataset.
        root: folder of its original files; read only if the cache has no copy.
        part: ``train`` or ``test``; the other part's images are not opened.

    Raises:
        DataError: the files are missing or damaged, or the cache cannot be written.
    """
    folder = cache_folder() / "pools" / dataset.cache_key
    if not folder.is_dir():
        _fill(dataset, root, folder)
    return _open(folder, part)


def _fill(dataset: Dataset, root: Path, folder: Path) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_suffix(".lock")).acquire()
    except OSError as error:
        raise _unwritable(folder, error) from error
    with lock:
        if folder.is_dir():
            return
        decoded = dataset.decode(root)
        try:
            _save(decoded, folder)
        except OSError as error:
            raise _unwritable(folder, error) from error


def _save(decoded: dict[Part, Pool], folder: Path) -> None:
    scratch = Path(tempfile.mkdtemp(prefix=".decoding-", dir=folder.parent))
    try:
        for part, pool in decoded.items():
            for name, array in pool._asdict().items():
                np.save(scratch / f"{part}-{name}.npy", array)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _unwritable(folder: Path, error: OSError) -> DataError:
    return DataError(f"cannot write the data cache {folder}: {error}; point FAIRTUNE_CACHE at a writable folder")


@lru_cache(maxsize=4)
def _open(folder: Path, part: Part) -> Pool:
    mapped = np.load(folder / f"{part}-x.npy", mmap_mode="c")
    return Pool(mapped, *(np.load(folder / f"{part}-{name}.npy") for name in Pool._fields[1:]))
