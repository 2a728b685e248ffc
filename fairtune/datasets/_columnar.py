"""Parquet and Arrow files: their columns as texts, and images that lie in them as bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    import pandas as pd

PARQUET, ARROW = (".parquet", ".pq"), (".arrow", ".feather", ".ipc")
SUFFIXES = (*PARQUET, *ARROW)


def read_columns(file: Path) -> pd.DataFrame:
    """The columns of a file that hold texts, numbers or truth values, as texts; whole numbers without a decimal point.

    Of a column of class numbers whose names the file tells, as dataset hubs write them, the names.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    import pandas as pd

    schema = schema_of(file)
    wanted = [field.name for field in schema if not holds_images(field)]
    table = _read(file, wanted)
    names = _class_names(schema)
    columns = [_texts(table.column(number), names.get(name, ())) for number, name in enumerate(wanted)]
    frame = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(1, table.num_rows + 1), dtype=object)
    return frame.set_axis(wanted, axis=1)


def schema_of(file: Path) -> pa.Schema:
    """The columns of a file and their types.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    if file.suffix.lower() in PARQUET:
        return pq.read_schema(file)
    return open_arrow(file).schema


def holds_images(field: pa.Field) -> bool:
    """Whether a column holds bytes, plain or as ``{bytes, path}``."""
    kind = field.type
    if pa.types.is_struct(kind):
        return int(kind.get_field_index("bytes")) >= 0
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_nested(kind))


def bytes_of(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The images of a column, each as the content of a file."""
    if pa.types.is_struct(column.type):
        return pa.chunked_array([chunk.field("bytes") for chunk in column.chunks], type=column.type.field("bytes").type)
    return column


def open_arrow(file: Path) -> pa.Table:
    """An Arrow file, which stays on the disk until its columns are looked at.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    source = pa.memory_map(str(file))
    try:
        return pa.ipc.open_file(source).read_all()
    except pa.ArrowInvalid:
        source.seek(0)
        return pa.ipc.open_stream(source).read_all()


def _read(file: Path, names: list[str]) -> pa.Table:
    if file.suffix.lower() in PARQUET:
        return pq.ParquetFile(file).read(columns=names)
    return open_arrow(file).select(names)


def _texts(column: pa.ChunkedArray, names: tuple[str, ...]) -> list[str | None]:
    import pandas as pd

    values = column.to_pandas()
    if names:
        return [names[int(value)] if 0 <= value < len(names) else None for value in values.fillna(-1)]
    texts = values.convert_dtypes().astype("string").str.strip().replace("", pd.NA)
    return [None if text is pd.NA else str(text) for text in texts.astype(object)]


def _class_names(schema: pa.Schema) -> dict[str, tuple[str, ...]]:
    """The names of classes that are kept beside a table, by column."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {name: tuple(feature["names"]) for name, feature in features.items() if "names" in feature}
    except (KeyError, ValueError, TypeError):
        return {}
