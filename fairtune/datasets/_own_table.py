"""A user's table as fairtune needs it: for every image its file, class, group, source and part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from fairtune.datasets._cleaning import Clean, Policy, Roles, check_bins, clean
from fairtune.datasets._cut import stratified
from fairtune.datasets._files import first_of, within
from fairtune.datasets._grouping import LEFT_OUT, chosen
from fairtune.datasets._reading import Listed
from fairtune.datasets._values import read_bins
from fairtune.errors import DataError, InvalidInput
from fairtune.records import Ints
from fairtune.seeding import generator

_PARTS: dict[str, str] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True)
class Wishes:
    """What the options say of a table; see :class:`fairtune.datasets._listed.OwnImages`."""

    path: str
    target: str
    group: str
    splits: str
    source: str
    groups: str
    bins: str
    merge: str
    on_missing: str
    test_frac: float


@dataclass(frozen=True)
class Asked:
    """A table that is asked for.

    Attributes:
        root: folder of the images.
        file: what lists them, for messages.
        wishes: what the options say.
        state: of what lists them; it changes whenever that does.
        read: gives the table as it is.
    """

    root: Path
    file: Path
    wishes: Wishes
    state: object
    read: Callable[[], Listed] = field(compare=False)


@dataclass(frozen=True)
class Table:
    """A user's images.

    Attributes:
        rows: one for each image, with its ``path`` as it is listed, ``name`` below the folder of the files, label ``y``, group
            ``a``, ``source`` and ``part``: train, validation or test.
        classes: name of each label.
        groups: name of each group.
        remarks: what was read otherwise than one might think.
    """

    rows: pd.DataFrame
    classes: tuple[str, ...]
    groups: tuple[str, ...]
    remarks: tuple[str, ...]

    def of(self, part: str) -> pd.DataFrame:
        """The rows of a part."""
        return self.rows[self.rows["part"] == part]

    def cells(self, rows: pd.DataFrame) -> Ints:
        """How many of some rows are in each cell ``(A, K)``."""
        cell = rows["a"].to_numpy() * len(self.classes) + rows["y"].to_numpy()
        return np.bincount(cell, minlength=len(self.groups) * len(self.classes)).reshape(len(self.groups), -1)


@lru_cache(maxsize=4)
def own_table(asked: Asked) -> Table:
    """Make the table, once as long as nothing changes.

    Raises:
        DataError: what is wrong with it.
        InvalidInput: what is wrong with the options.
    """
    wishes, file, listed = asked.wishes, asked.file, asked.read()
    columns, bins = [str(name) for name in listed.rows.columns], read_bins(wishes.bins)
    roles = _roles(wishes, columns, file)
    check_bins(bins, columns)
    found = clean(listed.rows, roles, Policy(wishes.on_missing, wishes.merge, bins), file)
    groups = chosen(found.a, wishes.groups)
    kept = groups.codes != LEFT_OUT
    present, y = np.unique(found.y.codes[kept], return_inverse=True)
    classes = tuple(found.y.names[code] for code in present)
    _check_compared(wishes, classes, groups.names, file)
    paths, sources, said = found.path[kept], found.sources[kept], None if found.split is None else found.split[kept]
    part = _said(said, sources, wishes, file) if said is not None else np.full(len(paths), "train", dtype=object)
    rows = pd.DataFrame(
        {"path": paths, "y": y.astype(np.int64), "a": groups.codes[kept], "source": sources["number"]}, index=paths.index
    )
    rows = rows.assign(
        name=pd.Series(within(asked.root, paths.tolist()), index=paths.index, dtype=object), part=_with_test(part, rows, wishes)
    )
    return Table(rows, classes, groups.names, (*listed.remarks, *found.remarks, *_left_out(found, len(rows), file)))


def _roles(wishes: Wishes, columns: list[str], file: Path) -> Roles:
    groups = (wishes.group,) if wishes.group in columns else tuple(name.strip() for name in wishes.group.split("+"))
    if wishes.target in groups:
        raise DataError(f"{file}: the target and the group are both the column {wishes.target!r}: choose two")
    if len(set(groups)) < len(groups):
        raise InvalidInput(f"--set group={wishes.group}: a column is named twice: name it once")
    split = wishes.splits if wishes.splits != "split" or "split" in columns else None
    source = wishes.source if wishes.source != "source" or "source" in columns else None
    return Roles(wishes.path, wishes.target, groups, split, source)


def _left_out(found: Clean, kept: int, file: Path) -> list[str]:
    gone = len(found.path) - kept
    return [f"{file}: rows of groups that are left out: {gone:,} of {len(found.path):,}"] if gone else []


def _check_compared(wishes: Wishes, classes: tuple[str, ...], groups: tuple[str, ...], file: Path) -> None:
    for role, name, names in (("target", wishes.target, classes), ("group", wishes.group, groups)):
        if len(names) < 2:
            held = f"one value only, {names[0]!r}" if names else "no value"
            raise DataError(f"{file}: the {role} column {name!r} holds {held}: nothing to compare")


def _said(said: pd.Series[str], sources: pd.DataFrame, wishes: Wishes, file: Path) -> np.typing.NDArray[np.object_]:
    """The parts as the table says them."""
    if unknown := sorted(set(said) - set(_PARTS)):
        raise DataError(
            f"{file}: the column {wishes.splits!r} holds {first_of(unknown, 3)}; it may hold train, validation and test"
        )
    parts = said.map(_PARTS)
    if "train" not in set(parts):
        raise DataError(f"{file}: no row of the column {wishes.splits!r} says train")
    torn = parts.groupby(sources["number"]).nunique()
    if len(torn := torn[torn > 1]):
        names = sources.drop_duplicates("number").set_index("number")["name"]
        raise DataError(f"{file}: sources in more than one split ({len(torn)}): {first_of(names[torn.index].tolist())}")
    return parts.to_numpy(dtype=object)


def _with_test(part: np.typing.NDArray[np.object_], rows: pd.DataFrame, wishes: Wishes) -> np.typing.NDArray[np.object_]:
    """Without test rows, a fixed share of every cell is the test part."""
    if (part == "test").any():
        return part
    training = np.flatnonzero(part == "train")
    y, a, source = (rows[name].to_numpy()[training] for name in ("y", "a", "source"))
    cut = part.copy()
    cut[training[stratified(y, a, source, wishes.test_frac, generator(0, "data"))]] = "test"
    return cut
