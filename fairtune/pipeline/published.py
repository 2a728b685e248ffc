"""Published figures, found by what a search is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fairtune.errors import InvalidInput, unknown_name
from fairtune.pipeline.format import Published
from fairtune.pipeline.lines import HYPERPARAMETERS, PLACE, Wanted, filled, lines_of, no_line, places, plain, renamed, wanted_of
from fairtune.request.faults import Faults

_COLUMNS = ("dataset", "method", "metric", "mean", "std")
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


class Standing(NamedTuple):
    """A row before its search has begun.

    Attributes:
        names: what a file may call it by, the surest first.
        values: of its setting, as far as the file fixes them.
        searched: names of the values that its search decides.
    """

    names: tuple[str, ...]
    values: Mapping[str, object]
    searched: frozenset[str] = frozenset()


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

    def check(self, rows: Sequence[Standing]) -> list[str]:
        """Why a table stands beside none of the rows of a file, or has no line for one that the file lists.

        A table need not have all data sets of the file, but of those that it has every row listed.
        """
        faults = []
        for published, table in zip(self._published, self._tables, strict=True):
            found = Faults()
            wanted = {found.attempt(partial(filled, published.dataset, renamed(row.values, published))) for row in rows}
            names = {name for name in wanted if name is not None}
            if names and not {plain(name) for name in names} & set(table["dataset"].map(plain)):
                found.found.append(f"{published.table}: {unknown_name('dataset', min(names), set(table['dataset']))}")
            elif not found.found:
                found.found += _without_line(published, table, rows)
            faults += [f"published: {fault}" for fault in dict.fromkeys(found.found)]
        return faults

    def of(self, names: Sequence[str], values: Mapping[str, object]) -> dict[str, Quoted]:
        """The published scores of a row.

        Args:
            names: what a file may call it by, the surest first.
            values: of its setting.
        """
        found: dict[str, Quoted] = {}
        for published, table in zip(self._published, self._tables, strict=True):
            name = _listed(published, names)
            if name is None:
                continue
            with suppress(InvalidInput):  # nothing was chosen that could fill a place
                own = lines_of(table, wanted_of(published, published.rows[name], values))
                found = {**_scores(own, published), **found}
        return found


def _read(published: Published, folder: Path) -> pd.DataFrame:
    file = folder / "published" / published.table
    try:
        table = pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"published: cannot read the table {file}: {error}") from error
    named = [HYPERPARAMETERS] if any(row.hyperparameters for row in published.rows.values()) else []
    if missing := [column for column in (*_COLUMNS, *named) if column not in table]:
        raise InvalidInput(f"published: {file.name} has no column {', '.join(missing)}; it needs {', '.join([*_COLUMNS, *named])}")
    known = set(table["method"])
    wrong = [row.method for row in published.rows.values() if row.method not in known and not PLACE.search(row.method)]
    if wrong:
        raise InvalidInput([f"published: {file.name}: {unknown_name('method', method, known)}" for method in wrong])
    metrics = set(table["metric"])
    if absent := [metric for metric in published.scores.values() if not metrics & {metric, metric + _PERCENT}]:
        raise InvalidInput([f"published: {file.name}: {unknown_name('metric', metric, metrics)}" for metric in absent])
    return table


def _listed(published: Published, names: Sequence[str]) -> str | None:
    """By which of its names a table lists a row, if it does."""
    return next((name for name in names if name in published.rows), None)


def _without_line(published: Published, table: pd.DataFrame, rows: Sequence[Standing]) -> Iterator[str]:
    """The rows listed that have no line: on data that the table has, or on all data of the row."""
    datasets = set(table["dataset"].map(plain))
    elsewhere: dict[str, Wanted] = {}
    has: set[str] = set()
    for row in rows:
        name = _listed(published, row.names)
        if name is None:
            continue
        try:
            wanted = wanted_of(published, published.rows[name], row.values)
        except InvalidInput as error:
            has.add(name)
            if not row.searched & places(published.rows[name]):
                yield f"{published.table}: row {name}: {error}"
            continue
        if plain(wanted.dataset) not in datasets:
            elsewhere.setdefault(name, wanted)
            continue
        has.add(name)
        if lines_of(table, wanted).empty:
            yield no_line(published, table, row.names[0], wanted)
    yield from (no_line(published, table, name, wanted) for name, wanted in elsewhere.items() if name not in has)


def _scores(own: pd.DataFrame, published: Published) -> dict[str, Quoted]:
    ours = {metric: score for score, metric in published.scores.items()}
    found = {}
    for metric, mean, std in zip(own["metric"], own["mean"], own["std"], strict=True):
        name, times = (metric.removesuffix(_PERCENT), 0.01) if metric.endswith(_PERCENT) else (metric, 1.0)
        found[ours.get(metric, ours.get(name, name))] = Quoted(times * float(mean), times * float(std), published.table)
    return found
