"""From the texts of a table to a class, a group, a source and a split for each row, every fault of the table told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
import pandas as pd

from fairtune.datasets._files import first_of
from fairtune.datasets._grouping import crossed
from fairtune.datasets._reading import FIRST_ROW, column, rows_named
from fairtune.datasets._values import Coded, binned, coded, merged, names_like_missing, spellings, told
from fairtune.errors import DataError, InvalidInput, unknown_name
from fairtune.records import Ints

MISSING = "(missing)"
"""The group of rows that have none."""


@dataclass(frozen=True)
class Roles:
    """Which columns are what.

    Attributes:
        path: names the image.
        target: the class.
        groups: those whose values together are the group.
        split: the split, if there is one.
        source: what must not be in two splits, if there is one.
    """

    path: str
    target: str
    groups: tuple[str, ...]
    split: str | None
    source: str | None

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns without which there is nothing to do, in which a value must not be missing."""
        return tuple(dict.fromkeys((self.path, self.target, *self.groups, *((self.split,) if self.split else ()))))


@dataclass(frozen=True)
class Policy:
    """What is done about what is not clear.

    Attributes:
        missing: rows without a class or a group: ``error``, ``drop``, or ``group``, which makes those without a group one.
        merge: spellings of one value: ``no``, which refuses them, or ``case``.
        bins: of columns of numbers, see :func:`fairtune.datasets._values.binned`.
    """

    missing: str
    merge: str
    bins: Mapping[str, str]


@dataclass(frozen=True)
class Clean:
    """Rows that can be used.

    Attributes:
        path: of each image, as the table has it; the index counts the rows of the table.
        y: classes.
        a: groups.
        sources: ``number`` and ``name`` of what each row comes from: every row whose source is not known has a number of its own.
            They are those of the whole table, whichever rows are left out.
        split: as the table has it, in lower case; None where there is no such column.
        remarks: what was done about what was not clear.
    """

    path: pd.Series[str]
    y: Coded
    a: Coded
    sources: pd.DataFrame
    split: pd.Series[str] | None
    remarks: list[str]


def clean(table: pd.DataFrame, roles: Roles, policy: Policy, file: Path) -> Clean:
    """Read the columns that matter.

    Raises:
        DataError: columns are missing or called alike, values are missing or spelled in several ways; all of it.
        InvalidInput: bins that cannot be used.
    """
    used = _columns(table, roles, file)
    if not len(used):
        raise DataError(f"{file} has a heading but no rows")
    remarks: list[str] = []
    missing = {name: used.index[used[name].isna()] for name in roles.needed}
    _check_missing(missing, roles, policy, file)
    used = _spelled_alike(used, roles, policy, file, remarks)
    sources = _sources(used, roles, file, remarks)
    used = _without_missing(used, missing, roles, policy, file, remarks)
    y = _coded(used[roles.target], roles.target, policy)
    a = reduce(crossed, [_coded(used[name], name, policy) for name in roles.groups])
    split = None if roles.split is None else used[roles.split].str.lower()
    return Clean(used[roles.path], y, a, sources.loc[used.index], split, remarks)


def _columns(table: pd.DataFrame, roles: Roles, file: Path) -> pd.DataFrame:
    found, faults = {}, []
    for name in dict.fromkeys((*roles.needed, *((roles.source,) if roles.source else ()))):
        try:
            found[name] = column(table, name, file)
        except DataError as error:
            faults.append(str(error).removeprefix(f"{file}: "))
    if faults:
        raise DataError(f"{file}: {'; '.join(faults)} Name the columns with --set path=, target=, group=, splits= or source=")
    return pd.DataFrame(found, index=table.index, dtype=object)


def _check_missing(missing: Mapping[str, pd.Index[int]], roles: Roles, policy: Policy, file: Path) -> None:
    excused = () if policy.missing == "error" else (roles.target, *roles.groups)
    faulty = {name: rows for name, rows in missing.items() if len(rows) and name not in excused}
    if not faulty:
        return
    named = "; in ".join(f"the column {name!r} ({len(rows):,}): {rows_named(rows)}" for name, rows in faulty.items())
    ways = (
        "leave these rows out with --set on_missing=drop, or make those without a group one with --set on_missing=group"
        if {*faulty} <= {roles.target, *roles.groups}
        else "a path and a split have to be there"
    )
    raise DataError(f"{file}: rows without a value in {named}, {FIRST_ROW}: fill them in; {ways}")


def _without_missing(
    used: pd.DataFrame, missing: Mapping[str, pd.Index[int]], roles: Roles, policy: Policy, file: Path, remarks: list[str]
) -> pd.DataFrame:
    """The rows that have a class and, unless those that have none are a group, a group."""
    needed = (roles.target,) if policy.missing == "group" else (roles.target, *roles.groups)
    gone = used.index[used[list(needed)].isna().any(axis=1)]
    if len(gone):
        counts = ", ".join(f"{len(missing[name]):,} in the column {name!r}" for name in needed if len(missing[name]))
        remarks.append(f"{file}: rows without a value are left out ({len(gone):,} of {len(used):,}): {counts}")
    for name in roles.groups if policy.missing == "group" else ():
        if len(missing[name]):
            count = f"{len(missing[name]):,}"
            remarks.append(f"{file}: rows without a value in the column {name!r} are a group of their own ({count})")
    return used.drop(gone)


def _spelled_alike(used: pd.DataFrame, roles: Roles, policy: Policy, file: Path, remarks: list[str]) -> pd.DataFrame:
    """Each value in one spelling; those that are not are refused, or merged."""
    faults, columns = [], {}
    named = [name for name in (roles.target, *roles.groups, roles.source) if name is not None and name not in policy.bins]
    for name in dict.fromkeys(named):
        values = used[name].dropna()
        if alike := spellings(values):
            columns[name] = merged(used[name], alike)
            faults.append(f"the column {name!r}: {told(alike)}")
        if like_missing := names_like_missing(values):
            counts = first_of([f"{value!r} ({count:,})" for value, count in like_missing.items()])
            remarks.append(f"{file}: in the column {name!r} {counts} is taken as a name: only an empty field is a missing value")
    if not faults:
        return used
    if policy.merge == "no":
        raise DataError(
            f"{file}: one value in several spellings in {'; in '.join(faults)}. Mend the table, or take them as one with "
            "--set merge=case"
        )
    remarks.append(f"{file}: taken as one value, in the commonest spelling, in {'; in '.join(faults)}")
    return used.assign(**columns)


def _coded(values: pd.Series[str], name: str, policy: Policy) -> Coded:
    """The values of a column by number; what is missing is the last."""
    known = values.notna().to_numpy()
    present = values[known]
    found = binned(present, name, policy.bins[name]) if name in policy.bins else coded(present)
    if known.all():
        return found
    codes = np.full(len(values), len(found.names), dtype=np.int64)
    codes[known] = found.codes
    return Coded(codes, (*found.names, MISSING))


def _sources(used: pd.DataFrame, roles: Roles, file: Path, remarks: list[str]) -> pd.DataFrame:
    if roles.source is None:
        return pd.DataFrame({"number": np.arange(len(used)), "name": used[roles.path]}, index=used.index)
    numbers, unknown = numbered_sources(used[roles.source])
    if unknown:
        remarks.append(
            f"{file}: {unknown:,} of {len(used):,} rows have no value in the column {roles.source!r}: each is taken as a source "
            "of its own"
        )
    return pd.DataFrame({"number": numbers, "name": used[roles.source]}, index=used.index)


def numbered_sources(named: pd.Series[str]) -> tuple[Ints, int]:
    """A number for each source by its name, and one of its own for every row that has none; how many those are."""
    known = named.notna().to_numpy()
    found = coded(named[known])
    source = np.empty(len(named), dtype=np.int64)
    source[known] = found.codes
    source[~known] = len(found.names) + np.arange((~known).sum())
    return source, int((~known).sum())


def check_bins(bins: Mapping[str, str], columns: Sequence[str]) -> None:
    """Refuse bins of what is no column.

    Raises:
        InvalidInput: which, with near misses.
    """
    if odd := [name for name in bins if name not in columns]:
        raise InvalidInput(f"--set bins={odd[0]}:{bins[odd[0]]}: {unknown_name('column', odd[0], filter(None, columns))}")
