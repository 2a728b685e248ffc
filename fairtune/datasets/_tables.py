"""Tables of numbers and categories as vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from fairtune.datasets._files import stamp
from fairtune.errors import DataError


@dataclass(frozen=True)
class Encoder:
    """Numbers standardised and categories one-hot, as the training part decides.

    A missing value is a category of its own. A category that the training part does not have is all zeros.

    Attributes:
        mean: of each numeric column.
        std: of each numeric column, 1 where it is constant.
        categories: values of each categorical column, sorted.
    """

    mean: pd.Series[float]
    std: pd.Series[float]
    categories: dict[str, list[str]]

    @classmethod
    def of(cls, training: pd.DataFrame, numeric: Sequence[str]) -> Encoder:
        """The encoder of a training part, of which the columns ``numeric`` are numbers and all others categories."""
        numbers = training[[name for name in training.columns if name in numeric]]
        categorical = [name for name in training.columns if name not in numeric]
        categories = {name: sorted(training[name].unique()) for name in categorical}
        return cls(numbers.mean(), numbers.std(ddof=0).replace(0.0, 1.0), categories)

    @property
    def width(self) -> int:
        """F, the length of a vector."""
        return len(self.mean) + sum(map(len, self.categories.values()))

    def vectors(self, table: pd.DataFrame) -> npt.NDArray[np.float32]:
        """The rows of a table as vectors ``(N, F)``: numbers first, then the categories."""
        numbers = (table[self.mean.index] - self.mean) / self.std
        one_hot = [table[name].to_numpy()[:, None] == np.array(values) for name, values in self.categories.items()]
        return np.concatenate([numbers.to_numpy(), *one_hot], axis=1).astype(np.float32)


def read_table(
    path: Path, columns: Sequence[str], numeric: Sequence[str], *, rows: int, separator: str, skip: int = 0, obtain: str
) -> pd.DataFrame:
    """A file of values without a heading line.

    Args:
        path: the file; it is read once as long as it does not change, and nobody changes what is returned.
        columns: name of each column.
        numeric: those that hold numbers.
        rows: how many the official file has.
        separator: between values; spaces around them are dropped, and one at the end of a line.
        skip: lines at the beginning that hold no values.
        obtain: how to get the file, for errors.

    Raises:
        DataError: the file is missing, cut short, or does not hold such values.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing: {obtain}")
    return _read(path, stamp(path), tuple(columns), tuple(numeric), rows, separator, skip, obtain)


@lru_cache(maxsize=8)
def _read(
    path: Path,
    _stamp: tuple[int, ...],
    columns: tuple[str, ...],
    numeric: tuple[str, ...],
    rows: int,
    separator: str,
    skip: int,
    obtain: str,
) -> pd.DataFrame:
    lines = path.read_text(encoding="utf-8").splitlines()[skip:]
    values = [[value.strip() for value in line.split(separator if separator != " " else None)] for line in lines if line.strip()]
    values = [row[:-1] if len(row) == len(columns) + 1 and not row[-1] else row for row in values]
    if odd := [n for n, row in enumerate(values, skip + 1) if len(row) != len(columns)]:
        raise DataError(f"{path}, line {odd[0]}: {len(values[odd[0] - skip - 1])} values instead of {len(columns)}: {obtain}")
    if len(values) != rows:
        raise DataError(f"{path} holds {len(values):,} rows instead of {rows:,}: {obtain}")
    table = pd.DataFrame(values, columns=list(columns))
    try:
        return table.astype(dict.fromkeys(numeric, float))
    except ValueError as error:
        raise DataError(f"{path}: a column that should be numeric is not ({error}): {obtain}") from error


def coded(table: pd.DataFrame, column: str, codes: Sequence[str], path: Path) -> npt.NDArray[np.int64]:
    """The position of each value of a column in ``codes``.

    Raises:
        DataError: a value is not among them.
    """
    counts = table[column].value_counts()
    if unknown := [f"{value} ({counts[value]:,})" for value in sorted(set(counts.index) - set(codes))]:
        raise DataError(f"{path}: the column {column} holds {', '.join(unknown[:3])}; it may hold {', '.join(codes)}")
    return table[column].map(codes.index).to_numpy().astype(np.int64)
