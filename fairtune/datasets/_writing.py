"""Pools written to files.

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
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import numpy as np

from fairtune.datasets._images import READ, Decoded, ImageFiles, unreadable
from fairtune.datasets._pools import Part, Pool, Samples
from fairtune.datasets._twins import TWINS, Seen, find_twins
from fairtune.errors import NoRoom
from fairtune.files import seal, write_atomically, write_sealed
from fairtune.records import Array
from fairtune.sizes import MIB

SKIPPED = "skipped.json"
_SLICE_BYTES = 16 * MIB


class Progress(NamedTuple):
    """How far a part has been decoded: ``done`` of ``total`` samples; or how many ``files`` have been compared with known ones."""

    part: Part | Literal["files"]
    done: int
    total: int


OnBadImage = Literal["error", "skip"]
Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Reports to nobody."""


def samples_file(folder: Path, part: Part) -> Path:
    """The samples of a part of decoded pools."""
    return folder / f"{part}-x.npy"


def columns_file(folder: Path, part: Part) -> Path:
    """What is known of each of its samples."""
    return folder / f"{part}-columns.npz"


def save(pools: Mapping[Part, Pool], folder: Path, on_bad_image: OnBadImage, report: Report) -> dict[str, bytes]:
    """Write pools, and return the digests of the image files that were read for them.

    Args:
        pools: of each part.
        folder: where to; what an earlier process wrote of the same pools is kept.
        on_bad_image: see :func:`fairtune.datasets.prepare`.
        report: likewise.

    Raises:
        DataError: images cannot be read.
        OSError: they cannot be written.
    """
    folder.mkdir(exist_ok=True)
    _check_space(pools, folder)
    parts = {part: _append(part, pool.x, folder, report) for part, pool in pools.items()}
    images = {part: pool.x for part, pool in pools.items() if isinstance(pool.x, ImageFiles)}
    left_out = {x.names[row]: reason for part, x in images.items() for row, reason in parts[part].faults.items()}
    if left_out and on_bad_image == "error":
        raise unreadable([f"{name} ({reason})" for name, reason in left_out.items()])
    seen = {part: _seen(x, parts[part], folder / _noted_file(part)) for part, x in images.items()}
    for part, pool in pools.items():
        seal(samples_file(folder, part))
        columns = {**pool.columns, **(seen[part].columns() if part in seen else {})}
        write_sealed(columns_file(folder, part), partial(_save_columns, columns, parts[part]))
    write_sealed(folder / TWINS, lambda path: path.write_text(json.dumps(find_twins(seen.items()))))
    write_sealed(folder / SKIPPED, lambda path: path.write_text(json.dumps(left_out)))
    for part in pools:
        for note in (_progress_file(part), _noted_file(part)):
            (folder / note).unlink()
    return {name: digest for one in seen.values() for name, digest in one.digests().items()}


def _seen(x: ImageFiles, written: _Written, noted: Path) -> Seen:
    return Seen(x.names, np.fromfile(noted, dtype=READ), [*written.faults])


def _check_space(pools: Mapping[Part, Pool], folder: Path) -> None:
    needed = sum(len(pool) * _row_bytes(pool.x) for pool in pools.values())
    present = sum(path.stat().st_size for path in folder.glob("*-x.npy"))
    free = shutil.disk_usage(folder).free
    if needed - present > free:
        raise NoRoom(folder, needed - present)


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
    """Write the samples of a part and what is noted of them to the ends of two files, after what an earlier process wrote."""
    total = x.shape[0]
    step = max(1, _SLICE_BYTES // _row_bytes(x))
    progress = folder / _progress_file(part)
    written = _Written.load(progress)
    with _at_end(samples_file(folder, part), written) as file, _at_end(folder / _noted_file(part), written) as noted:
        _write_header(file, x, written.rows)
        file.truncate(file.seek(written.rows * _row_bytes(x), os.SEEK_CUR))
        noted.truncate(noted.seek(written.done * READ.itemsize if isinstance(x, ImageFiles) else 0))
        while written.done < total:
            report(Progress(part, written.done, total))
            rows = slice(written.done, min(written.done + step, total))
            read = x.read(rows) if isinstance(x, ImageFiles) else Decoded(x[rows], {}, np.empty(0, dtype=READ))
            file.write(np.delete(read.images, [row - rows.start for row in read.faults], axis=0).tobytes())
            noted.write(read.noted.tobytes())
            for grown in (file, noted):
                grown.flush()
                os.fsync(grown.fileno())
            written = _Written(rows.stop, written.faults | read.faults)
            write_atomically(progress, written.save)
        file.seek(0)
        _write_header(file, x, written.rows)
    report(Progress(part, total, total))
    return written


def _at_end(path: Path, written: _Written) -> BinaryIO:
    return path.open("r+b") if written.done else path.open("wb")


def _write_header(file: BinaryIO, x: Samples, rows: int) -> None:
    """The header of a ``.npy`` file; its length does not depend on the number of rows."""
    header = {"descr": np.lib.format.dtype_to_descr(x.dtype), "fortran_order": False, "shape": (rows, *x.shape[1:])}
    np.lib.format.write_array_header_1_0(file, header)


def _save_columns(columns: Mapping[str, Array], written: _Written, path: Path) -> None:
    kept = {name: np.delete(column, [*written.faults], axis=0) for name, column in columns.items()}
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **kept)


def _row_bytes(x: Samples) -> int:
    return int(np.prod(x.shape[1:])) * x.dtype.itemsize


def _progress_file(part: Part) -> str:
    return f"{part}-written.json"


def _noted_file(part: Part) -> str:
    return f"{part}-noted.bin"
