"""The line of a published table that a row stands beside."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from fairtune.errors import InvalidInput, unknown_name
from fairtune.pipeline.format import Published, PublishedRow

PLACE = re.compile(r"\{([A-Za-z_][\w.]*)(?::([^{}]*))?\}")
"""A place for a value in a name."""
HYPERPARAMETERS = "hyperparameters"


class Wanted(NamedTuple):
    """What a line of a table says of itself."""

    dataset: str
    method: str
    hyperparameters: str | None

    def __str__(self) -> str:
        return ", ".join(filter(None, self))


def places(row: PublishedRow) -> set[str]:
    """The values that a row's names have places for."""
    return {place[1] for place in PLACE.finditer(f"{row.method} {row.hyperparameters or ''}")}


def wanted_of(published: Published, row: PublishedRow, values: Mapping[str, object]) -> Wanted:
    """The line of a row by the values of its setting.

    Raises:
        InvalidInput: as :func:`filled`.
    """
    values = renamed(values, published)
    named = None if row.hyperparameters is None else filled(row.hyperparameters, values)
    return Wanted(filled(published.dataset, values), filled(row.method, values), named)


def lines_of(table: pd.DataFrame, wanted: Wanted) -> pd.DataFrame:
    """What a table says there, a metric each; capitals and punctuation of the dataset do not count."""
    own = table[(table["dataset"].map(plain) == plain(wanted.dataset)) & (table["method"] == wanted.method)]
    return own if wanted.hyperparameters is None else own[own[HYPERPARAMETERS] == wanted.hyperparameters]


def renamed(values: Mapping[str, object], published: Published) -> dict[str, object]:
    """Values by what they are called in the paper."""
    return {name: published.names.get(str(value), value) for name, value in values.items()}


def no_line(published: Published, table: pd.DataFrame, row: str, wanted: Wanted) -> str:
    """A sentence for a row whose line does not exist, with the nearest ones that do."""
    hyperparameters = [None] * len(table) if wanted.hyperparameters is None else table[HYPERPARAMETERS].fillna("")
    there = dict.fromkeys(str(Wanted(*line)) for line in zip(table["dataset"], table["method"], hyperparameters, strict=True))
    near = difflib.get_close_matches(str(wanted), there, n=3, cutoff=0.5)
    hint = f"near are {'; '.join(map(repr, near))}" if near else f"it begins with {next(iter(there))!r}"
    return f"{published.table} has no line {str(wanted)!r} for the row {row}: {hint}"


def filled(text: str, values: Mapping[str, object]) -> str:
    """A text with ``{NAME}`` and ``{NAME:FORMAT}`` replaced by values.

    Raises:
        InvalidInput: there is no such value, or it cannot be written so.
    """

    def value(place: re.Match[str]) -> str:
        if place[1] not in values:
            raise InvalidInput(f"{text}: {unknown_name('value', place[1], values)}")
        try:
            return format(values[place[1]], place[2] or "")
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"{text}: {place[1]} is {values[place[1]]!r}: {error}") from error

    return PLACE.sub(value, text)


def plain(name: object) -> str:
    """A name without capitals and punctuation other than what numbers and sums have."""
    return re.sub(r"[^a-z0-9+.]", "", str(name).lower())
