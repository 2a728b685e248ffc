"""The cache of decoded pools: one copy per machine, memory-mapped by every process.

A pool is written slice by slice to the end of a file, so that its size is bounded by the disk alone and a full disk is an error
(writing to a mapped file would end the process). The folder of an unfinished pool has another name and says how far it got: a
process killed on the way loses at most one slice.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from fairtune.datasets._base import Dataset, Part, Pool
from fairtune.errors import DataError
from fairtune.files import write_atomically
from fairtune.records import Split

_SLICE_BYTES = 32 * 2**20


class Progress(NamedTuple):
    """How far a part has been decoded: ``done`` of ``total`` samples."""

    part: Part
    done: int
    total: int


Report = Callable[[Progress], None]


def cache_folder() -> Path:
    """``$FAIRTUNE_CACHE``, by default ``~/.cache/fairtune``."""
    return Path(os.environ.get("FAIRTUNE_CACHE") or Path.home() / ".cache" / "fairtune").expanduser()


def open_part(dataset: Dataset, root: Path, part: Part) -> Pool:
    """The decoded pool of one part, from the cache; decoded into it first if need be.

    Args:
        dataset: the dataset.
        root: folder of its original files.
        part: the others' samples are not opened.

    Raises:
        DataError: the files are missing or damaged, or the cache cannot be written.
    """
    return _open(prepare(dataset, root), part)


def open_splits(dataset: Dataset, root: Path, train_fraction: float = 1.0) -> dict[str, Split]:
    """The splits ``train`` and ``validation``; the test part is not opened.

    Args:
        dataset: the dataset.
        root: folder of its original files.
        train_fraction: share of ``train`` to keep.

    Raises:
        DataError: as :func:`open_part`; or a split lacks samples that training or scoring needs.
    """
    pools = {part: open_part(dataset, root, part) for part in dataset.training_parts()}
    return dataset.training_splits(pools, dataset.describe(root), train_fraction)


def prepare(dataset: Dataset, root: Path, report: Report = lambda progress: None) -> Path:
    """Decode a dataset into the cache if it is not there; one process of the machine does it, the others wait.

    Args:
        dataset: the dataset.
        root: folder of its original files.
        report: called after every slice.

    Returns:
        Folder of the decoded pools.

    Raises:
        DataError: as :func:`open_part`.
    """
    folder = cache_folder() / "pools" / dataset.cache_key(root)
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_name(f"{folder.name}.lock")).acquire()
    except OSError as error:
        raise _unwritable(folder, error) from error
    with lock:
        if not folder.is_dir():
            pools = dataset.decode(root)
            try:
                _save(pools, folder, report)
            except OSError as error:
                raise _unwritable(folder, error) from error
    return folder


def _save(pools: Mapping[Part, Pool], folder: Path, report: Report) -> None:
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    unfinished.mkdir(exist_ok=True)
    _check_space(pools, unfinished)
    for part, pool in pools.items():
        write_atomically(unfinished / f"{part}-columns.npz", partial(_save_columns, pool.columns))
        _append(part, pool, unfinished, report)
    for path in unfinished.glob("*.json"):
        path.unlink()
    unfinished.rename(folder)


def _save_columns(columns: Mapping[str, npt.NDArray[Any]], path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **columns)


def _check_space(pools: Mapping[Part, Pool], folder: Path) -> None:
    needed = sum(int(np.prod(pool.x.shape)) * pool.x.dtype.itemsize for pool in pools.values())
    present = sum(path.stat().st_size for path in folder.glob("*-x.npy"))
    free = shutil.disk_usage(folder).free
    if needed - present > free:
        raise OSError(f"{(needed - present) / 2**20:,.0f} MiB are needed and {free / 2**20:,.0f} MiB free")


def _append(part: Part, pool: Pool, folder: Path, report: Report) -> None:
    """Write the samples of a pool to the end of its file, from where an earlier process stopped."""
    total, row_bytes = len(pool), int(np.prod(pool.x.shape[1:])) * pool.x.dtype.itemsize
    rows = max(1, _SLICE_BYTES // max(row_bytes, 1))
    progress = folder / f"{part}-progress.json"
    done = json.loads(progress.read_text())["done"] if progress.is_file() else 0
    with (folder / f"{part}-x.npy").open("r+b" if done else "wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(pool.x.dtype), "fortran_order": False, "shape": pool.x.shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.seek(done * row_bytes, os.SEEK_CUR))
        while done < total:
            report(Progress(part, done, total))
            file.write(np.ascontiguousarray(pool.x[done : done + rows]).tobytes())
            file.flush()
            os.fsync(file.fileno())
            done = min(done + rows, total)
            write_atomically(progress, partial(_save_progress, done))
    report(Progress(part, total, total))


def _save_progress(done: int, path: Path) -> None:
    path.write_text(json.dumps({"done": done}))


def _unwritable(folder: Path, error: OSError) -> DataError:
    return DataError(f"cannot write the data cache {folder}: {error}; free some space or point FAIRTUNE_CACHE at another folder")


@lru_cache(maxsize=4)
def _open(folder: Path, part: Part) -> Pool:
    with np.load(folder / f"{part}-columns.npz", allow_pickle=False) as columns:
        return Pool(np.load(folder / f"{part}-x.npy", mmap_mode="c"), dict(columns))
