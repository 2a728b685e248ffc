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
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
from filelock import FileLock

from fairtune.datasets._base import Dataset, Part, Pool, Samples
from fairtune.datasets._images import ImageFiles, unreadable
from fairtune.errors import DataError
from fairtune.files import write_atomically
from fairtune.records import Split

_SLICE_BYTES = 16 * 2**20
_SKIPPED = "skipped.json"


class Progress(NamedTuple):
    """How far a part has been decoded: ``done`` of ``total`` samples."""

    part: Part
    done: int
    total: int


OnBadImage = Literal["error", "skip"]
Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Reports to nobody."""


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
    folder = prepare(dataset, root)
    pools = {part: _open(folder, part) for part in dataset.training_parts()}
    return dataset.training_splits(pools, dataset.describe(root), train_fraction)


def prepare(dataset: Dataset, root: Path, *, on_bad_image: OnBadImage = "error", report: Report = silent) -> Path:
    """Decode a dataset into the cache if it is not there; one process of the machine does it, the others wait.

    Args:
        dataset: the dataset.
        root: folder of its original files.
        on_bad_image: ``skip`` leaves images out that cannot be read; ``error`` reads all of them, then names those.
        report: called before every slice, and at the end of a part.

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
                _save(pools, folder, on_bad_image, report)
            except OSError as error:
                raise _unwritable(folder, error) from error
    return folder


def skipped(folder: Path) -> dict[str, str]:
    """The images that were left out of decoded pools, and why."""
    left_out: dict[str, str] = json.loads((folder / _SKIPPED).read_text())
    return left_out


def _save(pools: Mapping[Part, Pool], folder: Path, on_bad_image: OnBadImage, report: Report) -> None:
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    unfinished.mkdir(exist_ok=True)
    _check_space(pools, unfinished)
    parts = {part: _append(part, pool.x, unfinished, report) for part, pool in pools.items()}
    left_out = {
        pool.x.names[row]: reason
        for part, pool in pools.items()
        if isinstance(pool.x, ImageFiles)
        for row, reason in parts[part].faults.items()
    }
    if left_out and on_bad_image == "error":
        raise unreadable([f"{name} ({reason})" for name, reason in left_out.items()])
    for part, pool in pools.items():
        _save_columns(pool, parts[part], unfinished / f"{part}-columns.npz")
        (unfinished / _progress_file(part)).unlink()
    (unfinished / _SKIPPED).write_text(json.dumps(left_out))
    unfinished.rename(folder)


def _check_space(pools: Mapping[Part, Pool], folder: Path) -> None:
    needed = sum(len(pool) * _row_bytes(pool.x) for pool in pools.values())
    present = sum(path.stat().st_size for path in folder.glob("*-x.npy"))
    free = shutil.disk_usage(folder).free
    if needed - present > free:
        raise OSError(f"{(needed - present) / 2**20:,.0f} MiB are needed and {free / 2**20:,.0f} MiB are free")


@dataclass
class _Written:
    """What of a part is in its file: ``done`` rows were read, those with ``faults`` are left out."""

    done: int = 0
    faults: dict[int, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return self.done - len(self.faults)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps([self.done, [*self.faults.items()]]))

    @classmethod
    def load(cls, path: Path) -> _Written:
        if not path.is_file():
            return cls()
        done, faults = json.loads(path.read_text())
        return cls(done, dict(faults))


def _append(part: Part, x: Samples, folder: Path, report: Report) -> _Written:
    """Write the samples of a part to the end of its file, from where an earlier process stopped."""
    total = x.shape[0]
    step = max(1, _SLICE_BYTES // _row_bytes(x))
    progress = folder / _progress_file(part)
    written = _Written.load(progress)
    with (folder / f"{part}-x.npy").open("r+b" if written.done else "wb") as file:
        _write_header(file, x, written.rows)
        file.truncate(file.seek(written.rows * _row_bytes(x), os.SEEK_CUR))
        while written.done < total:
            report(Progress(part, written.done, total))
            rows = slice(written.done, min(written.done + step, total))
            samples, faults = x.read(rows) if isinstance(x, ImageFiles) else (x[rows], {})
            file.write(np.delete(samples, [row - rows.start for row in faults], axis=0).tobytes())
            file.flush()
            os.fsync(file.fileno())
            written = _Written(rows.stop, written.faults | faults)
            write_atomically(progress, written.save)
        file.seek(0)
        _write_header(file, x, written.rows)
    report(Progress(part, total, total))
    return written


def _write_header(file: BinaryIO, x: Samples, rows: int) -> None:
    """The header of a ``.npy`` file; its length does not depend on the number of rows."""
    header = {"descr": np.lib.format.dtype_to_descr(x.dtype), "fortran_order": False, "shape": (rows, *x.shape[1:])}
    np.lib.format.write_array_header_1_0(file, header)


def _save_columns(pool: Pool, written: _Written, path: Path) -> None:
    columns: Any = {name: np.delete(column, [*written.faults], axis=0) for name, column in pool.columns.items()}
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **columns)


def _row_bytes(x: Samples) -> int:
    return int(np.prod(x.shape[1:])) * x.dtype.itemsize


def _progress_file(part: Part) -> str:
    return f"{part}-progress.json"


def _unwritable(folder: Path, error: OSError) -> DataError:
    return DataError(f"cannot write the data cache {folder}: {error}; free some space or point FAIRTUNE_CACHE at another folder")


@lru_cache(maxsize=4)
def _open(folder: Path, part: Part) -> Pool:
    with np.load(folder / f"{part}-columns.npz", allow_pickle=False) as columns:
        return Pool(np.load(folder / f"{part}-x.npy", mmap_mode="r"), dict(columns))
