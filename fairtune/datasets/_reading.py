"""Tables as people have them: every value as text, without the spaces around it, None where a field is empty."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fairtune.datasets._columnar import SUFFIXES, read_columns
from fairtune.datasets._files import first_of, stamp
from fairtune.errors import DataError, unknown_name

if TYPE_CHECKING:
    import pandas as pd

_SEPARATORS = ",;\t|"
_LOOKED_AT = 20
FIRST_ROW = "the first below the heading being 1"
"""How rows are counted, in messages."""


class Listed(NamedTuple):
    """A table of texts.

    Attributes:
        rows: one column for each heading; two may have one name. The index counts the rows of the file from 1.
        remarks: what was read otherwise than one might think, a sentence each.
    """

    rows: pd.DataFrame
    remarks: tuple[str, ...] = ()


def read_listed(file: Path) -> Listed:
    """A CSV, Parquet or Arrow file as texts.

    CSV files are in UTF-8 and have a heading line. Values are separated by a comma, semicolon, tab or bar, whichever cuts the
    heading outside of quotes, or the one that a first line ``sep=`` names. Spaces around headings and values are dropped. Only an
    empty field is a missing value: ``NA`` and ``None`` are names. A comma at the end of a row is no value; where every row has a
    value more than the heading, the first column has no name, as pandas and R write row names.

    Args:
        file: what to read; it is read once as long as it does not change.

    Raises:
        DataError: it cannot be read, or a row has more or fewer values than the heading.
    """
    return _read(file, stamp(file))


def column(table: pd.DataFrame, name: str, file: Path) -> pd.Series[str]:
    """A column by its name.

    Raises:
        DataError: there is none, with near misses, or there are several.
    """
    found = list(table.columns).count(name)
    if found == 1:
        values: pd.Series[str] = table[name]
        return values
    if found:
        raise DataError(f"{file}: {found} columns are called {name!r}: rename the ones that are not meant")
    raise DataError(f"{file}: {unknown_name('column', name, [str(known) for known in table.columns if known])}")


@lru_cache(maxsize=8)
def _read(file: Path, _stamp: tuple[int, ...]) -> Listed:
    try:
        return Listed(read_columns(file)) if file.suffix.lower() in SUFFIXES else _read_csv(file)
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise DataError(
            f"cannot read {file}: {f'{error}'.partition(chr(10))[0]}; save it as CSV in UTF-8, or as Parquet"
        ) from error


def _read_csv(file: Path) -> Listed:
    text = file.read_text(encoding="utf-8-sig")
    named, text = _named_separator(text)
    import pandas as pd

    separator = named or _likely_separator(text)
    records = list(_records(text, separator))
    if not records or not any(records[0]):
        raise ValueError("it has no heading line")
    heading, rows = records[0], records[1:]
    numbers = [number for number, row in enumerate(rows, 1) if any(row)]
    rows, remarks = [row for row in rows if any(row)], []
    if rows and {len(row) for row in rows} == {len(heading) + 1} and any(row[-1] for row in rows):
        heading = ["", *heading]
        remarks.append(f"{file}: every row has a value more than the heading: the first is read as a column without a name")
    rows = [row[:-1] if len(row) == len(heading) + 1 and not row[-1] else row for row in rows]
    _check_widths(heading, rows, numbers, separator)
    columns = [_without_gaps(values) for values in zip(*rows, strict=True)] if rows else [[] for _ in heading]
    table = pd.DataFrame(dict(enumerate(columns)), index=pd.Index(numbers, dtype=np.int64), dtype=object)
    return Listed(table.set_axis([unicodedata.normalize("NFC", name) for name in heading], axis=1), tuple(remarks))


def _named_separator(text: str) -> tuple[str | None, str]:
    """The separator that Excel's first line ``sep=;`` names, and the text without that line."""
    first, _, rest = text.partition("\n")
    named = first.strip("\r\n\"' ")
    return (named[4:], rest) if named.lower().startswith("sep=") and len(named) == 5 else (None, text)


def _likely_separator(text: str) -> str:
    """That which cuts the first rows as often as the heading; of several, that which cuts it most often."""

    def fits(separator: str) -> tuple[bool, int]:
        try:
            records = [row for row, _ in zip(_records(text, separator), range(_LOOKED_AT), strict=False) if any(row)]
        except csv.Error:  # quotes that do not end before it
            return False, 0
        width = len(records[0]) if records else 0
        agree = width > 1 and all(width <= len(row) <= width + 1 for row in records[1:])
        return agree, width

    return max(_SEPARATORS, key=fits)


def _records(text: str, separator: str) -> Iterator[list[str]]:
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True):
        yield [value.strip() for value in row]


def _check_widths(heading: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int], separator: str) -> None:
    odd = [(number, len(row)) for number, row in zip(numbers, rows, strict=True) if len(row) != len(heading)]
    if odd:
        number, found = odd[0]
        more = f", and {len(odd) - 1:,} more rows differ" if len(odd) > 1 else ""
        raise ValueError(
            f"row {number} has {found} values and the heading {len(heading)} ({FIRST_ROW}; values are separated by "
            f"{separator!r}){more}: complete the rows, or put values that hold {separator!r} into quotes"
        )


def _without_gaps(values: Sequence[str]) -> list[str | None]:
    """Characters that look alike made the same (NFC), and None for an empty field."""
    return [(value if value.isascii() else unicodedata.normalize("NFC", value)) or None for value in values]


def rows_named(index: pd.Index[int], shown: int = 10) -> str:
    """The first of some rows by their numbers."""
    return first_of([str(number) for number in index], shown)
