"""Images that lie in Parquet or Arrow files as bytes, as data hubs publish them."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fairtune.datasets._columnar import PARQUET, bytes_of, open_arrow
from fairtune.records import Ints

_reading = Lock()


def name_of(file: str, row: int) -> str:
    """What the image in a row of a file is called: ``faces.parquet:17``, rows being counted from 1."""
    return f"{file}:{row + 1}"


def read_from(column: str) -> partial[bytes]:
    """A reader of the images in a column, by their names."""
    return partial(_content, column)


def _content(column: str, root: Path, name: str) -> bytes:
    file, _, row = name.rpartition(":")
    path, number = root / file, int(row) - 1
    with _reading:  # threads that want rows of one group read it once
        values, first = _rows(path, column, number)
    content = values[number - first].as_py()
    return content or b""


def _rows(path: Path, column: str, number: int) -> tuple[pa.ChunkedArray, int]:
    """A part of a column that holds a row, and which row is its first."""
    if path.suffix.lower() not in PARQUET:
        return _arrow(path, column), 0
    starts = _starts(path)
    group = int(np.searchsorted(starts, number, side="right")) - 1
    return _group(path, column, group), int(starts[group])


@lru_cache(maxsize=2)
def _group(path: Path, column: str, group: int) -> pa.ChunkedArray:
    return bytes_of(pq.ParquetFile(path).read_row_group(group, columns=[column]).column(column))


@lru_cache(maxsize=64)
def _starts(path: Path) -> Ints:
    metadata = pq.read_metadata(path)
    sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    return np.cumsum([0, *sizes])[:-1]


@lru_cache(maxsize=8)
def _arrow(path: Path, column: str) -> pa.ChunkedArray:
    return bytes_of(open_arrow(path).column(column))
