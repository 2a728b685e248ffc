"""What the values of a column mean: which are missing, which are one value in two spellings, and in which order they come."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from fairtune.datasets._files import first_of
from fairtune.errors import InvalidInput
from fairtune.records import Floats, Ints

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_LOOKS_MISSING = {"na", "n/a", "#n/a", "<na>", "nan", "none", "null", "nil"}
_QUANTILES = re.compile(r"q(\d+)")


class Coded(NamedTuple):
    """A column as numbers.

    Attributes:
        codes: position of each value in ``names``.
        names: the different values, in order.
    """

    codes: Ints
    names: tuple[str, ...]


def coded(values: pd.Series[str]) -> Coded:
    """The values of a column by number: numbers by size, words by alphabet."""
    names = in_order(values.unique().tolist())
    return Coded(_positions(values, names), names)


def in_order(names: Sequence[str]) -> tuple[str, ...]:
    """Numbers by size, words by alphabet."""
    if all(_NUMBER.fullmatch(name) for name in names):
        return tuple(sorted(names, key=float))
    return tuple(sorted(names))


def spellings(values: pd.Series[str]) -> list[dict[str, int]]:
    """Values that differ in case, inner spaces or the format of a number only: for each, its spellings and how often they occur."""
    counts = values.value_counts()
    alike: dict[str, dict[str, int]] = {}
    for spelling in sorted(counts.index):
        alike.setdefault(_meaning(spelling), {})[spelling] = int(counts[spelling])
    return [found for found in alike.values() if len(found) > 1]


def told(alike: list[dict[str, int]]) -> str:
    """Spellings with their counts."""
    return first_of([" and ".join(f"{name!r} ({count:,})" for name, count in found.items()) for found in alike], 5)


def merged(values: pd.Series[str], alike: list[dict[str, int]]) -> pd.Series[str]:
    """A column with each value in the commonest of its spellings."""
    chosen = {name: max(found, key=lambda spelling: found[spelling]) for found in alike for name in found}
    return values.map(lambda value: chosen.get(value, value), na_action="ignore")


def names_like_missing(values: pd.Series[str]) -> dict[str, int]:
    """Values that other programs take for missing ones, and how often they occur."""
    counts = values.value_counts()
    return {str(name): int(counts[name]) for name in sorted(counts.index) if str(name).lower() in _LOOKS_MISSING}


def binned(values: pd.Series[str], column: str, bins: str) -> Coded:
    """Numbers by the interval that they lie in.

    Args:
        values: of a column; none is missing.
        column: its name, for errors.
        bins: edges in ascending order, as ``20,40``: an interval begins with its edge; or ``q3``: thirds of the values.

    Raises:
        InvalidInput: the values are no numbers, or the bins cannot be read.
    """
    odd = [value for value in values.unique() if not _NUMBER.fullmatch(value)]
    if odd:
        raise InvalidInput(f"--set bins={column}:{bins}: the column {column!r} holds {first_of(odd, 3)}, which are no numbers")
    numbers = np.array(values, dtype=np.float64)
    edges = _edges(numbers, column, bins)
    shown = [f"{edge:g}" for edge in edges]
    between = [f"{low} to below {high}" for low, high in pairwise(shown)]
    return Coded(np.digitize(numbers, edges).astype(np.int64), (f"below {shown[0]}", *between, f"{shown[-1]} and above"))


def read_bins(text: str) -> dict[str, str]:
    """The bins of each column in ``age:20,40; weight:q3``.

    Raises:
        InvalidInput: it cannot be read.
    """
    found = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        name, colon, bins = part.rpartition(":")
        if not colon or not name.strip() or not bins.strip():
            raise InvalidInput(f"--set bins={text}: write COLUMN:EDGE,EDGE or COLUMN:q4, several separated by ;")
        found[name.strip()] = bins.strip()
    return found


def _edges(numbers: Floats, column: str, bins: str) -> list[float]:
    if match := _QUANTILES.fullmatch(bins):
        parts = int(match[1])
        edges = np.unique(np.quantile(numbers, np.arange(1, parts) / parts).round(6)) if parts > 1 else np.empty(0)
        edges = edges[edges > numbers.min()]
    else:
        texts = [text.strip() for text in bins.split(",")]
        if not all(map(_NUMBER.fullmatch, texts)):
            raise InvalidInput(
                f"--set bins={column}:{bins}: give edges as numbers, such as {column}:20,40, or parts as {column}:q4"
            )
        edges = np.array(texts, dtype=float)
    if not len(edges) or (np.diff(edges) <= 0).any():
        raise InvalidInput(f"--set bins={column}:{bins}: give one edge or more in ascending order, or q2 or more")
    return [float(edge) for edge in edges]


def _meaning(spelling: str) -> str:
    """What is equal for all spellings of a value."""
    if _NUMBER.fullmatch(spelling):
        return f"{Decimal(spelling).normalize() + 0}"
    return " ".join(spelling.casefold().split())


def _positions(values: pd.Series[str], names: Sequence[str]) -> Ints:
    codes = {name: code for code, name in enumerate(names)}
    return values.map(codes).to_numpy().astype(np.int64)
