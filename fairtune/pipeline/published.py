"""Published figures, found by what a search is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fairtune.errors import InvalidInput, unknown_name
from fairtune.pipeline.format import Published, PublishedRow
from fairtune.request.faults import Faults

_COLUMNS = ("dataset", "method", "metric", "mean", "std")
_PLACE = re.compile(r"\{([A-Za-z_][\w.]*)(?::([^{}]*))?\}")
_PERCENT = "_pct"


class Quoted(NamedTuple):
    """A published score, from 0 to 1 where it is a share.

    Attributes:
        mean, std: as published; std is NaN where there is none.
        table: where it stands.
    """

    mean: float
    std: float
    table: str


class Beside:
    """The published figures of a pipeline.

    Args:
        published: what the file says.
        folder: where its tables lie.

    Raises:
        InvalidInput: a table cannot be read, or has no row of a name.
    """

    def __init__(self, published: Sequence[Published], folder: Path) -> None:
        self._published = published
        faults = Faults()
        read = [faults.attempt(partial(_read, one, folder)) for one in published]
        faults.raise_if_any()
        self._tables = [table for table in read if table is not None]

    def check(self, searches: Sequence[Mapping[str, object]]) -> list[str]:
        """Why a table stands beside none of some searches, by the values of each."""
        faults = []
        for published, table in zip(self._published, self._tables, strict=True):
            found = Faults()
            wanted = {found.attempt(partial(_filled, published.dataset, _renamed(values, published))) for values in searches}
            faults += [f"published: {fault}" for fault in dict.fromkeys(found.found)]
            names = {name for name in wanted if name is not None}
            if names and not {_plain(name) for name in names} & set(table["dataset"].map(_plain)):
                told = unknown_name("dataset", min(names), set(table["dataset"]))
                faults.append(f"published: {published.table}: {told}")
        return faults

    def of(self, names: Sequence[str], values: Mapping[str, object]) -> dict[str, Quoted]:
        """The published scores of a row.

        Args:
            names: what a file may call it by, the surest first.
            values: of its setting.
        """
        found: dict[str, Quoted] = {}
        for published, table in zip(self._published, self._tables, strict=True):
            row = next((published.rows[name] for name in names if name in published.rows), None)
            if row is not None:
                own = _lines(table, published, row, values)
                found = {**_scores(own, published), **found}
        return found


def _read(published: Published, folder: Path) -> pd.DataFrame:
    file = folder / "published" / published.table
    try:
        table = pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"published: cannot read the table {file}: {error}") from error
    if missing := [column for column in _COLUMNS if column not in table]:
        raise InvalidInput(f"published: {file.name} has no column {', '.join(missing)}; it needs {', '.join(_COLUMNS)}")
    known = set(table["method"])
    wrong = [row.method for row in published.rows.values() if row.method not in known and not _PLACE.search(row.method)]
    if wrong:
        raise InvalidInput([f"published: {file.name}: {unknown_name('method', method, known)}" for method in wrong])
    return table


def _lines(table: pd.DataFrame, published: Published, row: PublishedRow, values: Mapping[str, object]) -> pd.DataFrame:
    values = _renamed(values, published)
    dataset, method = _plain(_filled(published.dataset, values)), _filled(row.method, values)
    own = table[(table["dataset"].map(_plain) == dataset) & (table["method"] == method)]
    if row.hyperparameters is not None:
        own = own[own["hyperparameters"] == _filled(row.hyperparameters, values)]
    return own


def _renamed(values: Mapping[str, object], published: Published) -> dict[str, object]:
    return {name: published.names.get(str(value), value) for name, value in values.items()}


def _scores(own: pd.DataFrame, published: Published) -> dict[str, Quoted]:
    ours = {metric: score for score, metric in published.scores.items()}
    found = {}
    for metric, mean, std in zip(own["metric"], own["mean"], own["std"], strict=True):
        name, times = (metric.removesuffix(_PERCENT), 0.01) if metric.endswith(_PERCENT) else (metric, 1.0)
        found[ours.get(metric, ours.get(name, name))] = Quoted(times * float(mean), times * float(std), published.table)
    return found


def _filled(text: str, values: Mapping[str, object]) -> str:
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

    return _PLACE.sub(value, text)


def _plain(name: object) -> str:
    """A name without capitals and punctuation other than what numbers and sums have."""
    return re.sub(r"[^a-z0-9+.]", "", str(name).lower())
