"""Predictions of any model, as a table of samples."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from fairtune.datasets import FIRST_ROW, column, read_listed, rows_named
from fairtune.errors import DataError, InvalidInput
from fairtune.metrics import tabulate, weights_for_limits
from fairtune.names import Names
from fairtune.records import Floats, GroupCounts, Ints

_WHOLE = re.compile(r"(0|-?[1-9][0-9]*)\.0+")
"""A whole number that is written with a point; one that begins with a zero is a name."""
_ROUNDING = 0.01
"""By how much probabilities of a sample may miss the sum 1, as they are written with few digits."""


@dataclass(frozen=True)
class Columns:
    """What the columns of a file are called.

    Attributes:
        label: the true class.
        prediction: the predicted one; None for ``prediction``, if there is such a column.
        scores: probabilities: one column for the second of two classes, or one for each class, called ``NAME_CLASS``; none for
            ``score``, or those that are called ``score_CLASS``, if there are such columns.
        groups: of groups; each is audited, and where there are several, all of them crossed too.
        weight: of the samples; None for ``weight``, if there is such a column.
    """

    label: str = "label"
    prediction: str | None = None
    scores: Sequence[str] = ()
    groups: Sequence[str] = ("group",)
    weight: str | None = None


class Tables(NamedTuple):
    """Group counts of a file.

    Attributes:
        rates: for scores.
        counts: for their limits; the same unless samples have weights.
        names: of classes and groups.
    """

    rates: GroupCounts
    counts: GroupCounts
    names: Names


@dataclass(frozen=True)
class Predictions:
    """What a model predicted.

    Attributes:
        classes: their names.
        y: labels ``(n,)``.
        predicted: ``(n,)``.
        groups: name of the group of each sample ``(n,)``, by column.
        probabilities: ``(n, K)``; None if the file has none.
        weight: ``(n,)``, the largest being 1; None if the file has none.
        left_out: columns that are called as scores are, and are of no class.
    """

    classes: tuple[str, ...]
    y: Ints
    predicted: Ints
    groups: Mapping[str, pd.Series[str]]
    probabilities: Floats | None
    weight: Floats | None
    left_out: tuple[str, ...] = ()

    def groupings(self) -> dict[str, pd.Series[str]]:
        """Each column of groups, and where there are several, all of them crossed."""
        if len(self.groups) == 1:
            return dict(self.groups)
        named = [found.map(_quoted) for found in self.groups.values()]
        return {**self.groups, " x ".join(self.groups): pd.concat(named, axis=1).agg(", ".join, axis=1)}

    def tabulated(self, groups: pd.Series[str]) -> Tables:
        """The tables by some groups, and what classes and groups are called."""
        names = _in_order(groups)
        a, classes = _numbered(groups, names), len(self.classes)
        weights = [None] if self.weight is None else [self.weight, weights_for_limits(self.y, a, self.weight, classes)]
        found = [
            tabulate(
                self.y,
                a,
                self.predicted,
                num_classes=classes,
                num_groups=len(names),
                probabilities=self.probabilities,
                weight=weight,
            )
            for weight in weights
        ]
        return Tables(found[0], found[-1], Names(self.classes, names))

    def samples(self, groups: pd.Series[str]) -> Ints:
        """How many there are in each cell ``(A, K)``, whatever they weigh."""
        names = _in_order(groups)
        cells = _numbered(groups, names) * len(self.classes) + self.y
        return np.bincount(cells, minlength=len(names) * len(self.classes)).reshape(len(names), -1)


def read_predictions(file: Path, columns: Columns) -> Predictions:
    """Read a CSV, Parquet or Arrow file with a row for each sample.

    Raises:
        InvalidInput: every fault of it: a column that is missing, values that are empty or none of those allowed, a single group.
        DataError: it cannot be read.
    """
    if not file.is_file():
        raise InvalidInput(f"there is no file {file}: give a CSV file with a row for each sample, or the folder of a run")
    table = read_listed(file).rows
    if table.empty:
        raise InvalidInput(f"{file} has a heading and no rows: give a row for each sample")
    reader = _Reader(file, table)
    label = _as_whole(reader.texts(columns.label, "--label"))
    groups = {name: _as_whole(reader.texts(name, "--group")) for name in columns.groups}
    predicted = _as_whole(reader.optional(columns.prediction, "prediction", "--prediction"))
    weight = reader.numbers(columns.weight, "weight", "--weight")
    reader.raise_if_any()
    assert label is not None
    classes = _in_order(label)
    usual = reader.usual_scores()
    taken = columns.scores or _of_classes(usual, classes) or (usual if predicted is None else ())
    scores = reader.scores(taken)
    reader.raise_if_any()
    known_groups = {name: found for name, found in groups.items() if found is not None}
    for name, found, several in [(columns.label, label, "classes"), *((*group, "groups") for group in known_groups.items())]:
        if found.nunique() < 2:
            reader.faults.append(f"{file}: the column {name} has {found.iloc[0]!r} alone: give samples of two {several} or more")
    probabilities = reader.probabilities(scores, classes) if scores else None
    answers = None if predicted is None else reader.among(predicted, classes, columns.prediction or "prediction")
    if predicted is None and not scores:
        known = ", ".join(str(name) for name in table.columns)
        reader.faults.append(f"{file} has no predictions: name a column of them with --prediction or --score; there are {known}")
    reader.check_weight(weight, columns.weight or "weight")
    reader.raise_if_any()
    if answers is None:
        assert probabilities is not None
        answers = probabilities.argmax(axis=1)
    left_out = () if columns.scores else tuple(name for name in usual if name not in taken)
    in_proportion = None if weight is None else weight / weight.max()
    return Predictions(classes, _numbered(label, classes), answers, known_groups, probabilities, in_proportion, left_out)


class _Reader:
    """Reads columns and collects what is wrong with them."""

    def __init__(self, file: Path, table: pd.DataFrame) -> None:
        self.file = file
        self.table = table
        self.faults: list[str] = []

    def raise_if_any(self) -> None:
        if self.faults:
            raise InvalidInput(self.faults)

    def texts(self, name: str, option: str) -> pd.Series[str] | None:
        """A column in which nothing is empty."""
        try:
            found = column(self.table, name, self.file)
        except DataError as error:
            self.faults.append(f"{error} Name it with {option}")
            return None
        self._refuse(found.isna(), f"the column {name} is empty")
        return found

    def optional(self, name: str | None, usual: str, option: str) -> pd.Series[str] | None:
        """A column that was named, or else one of the usual name where there is one."""
        if name is None and usual not in self.table.columns:
            return None
        return self.texts(name or usual, option)

    def numbers(self, name: str | None, usual: str, option: str) -> Floats | None:
        """As :meth:`optional`, as finite numbers."""
        found = self.optional(name, usual, option)
        if found is None:
            return None
        values = pd.to_numeric(found, errors="coerce").to_numpy(dtype=float)
        wrong = pd.Series(~np.isfinite(values), index=found.index) & found.notna()
        self._refuse(wrong, f"the column {name or usual} has {found[wrong].iloc[0]!r}, no number" if wrong.any() else "")
        return values

    def usual_scores(self) -> list[str]:
        """The columns that are called as scores are."""
        return [name for name in map(str, self.table.columns) if name == "score" or name.startswith("score_")]

    def scores(self, names: Sequence[str]) -> dict[str, Floats]:
        """The columns of scores by name."""
        found = {name: self.numbers(name, name, "--score") for name in names}
        return {name: values for name, values in found.items() if values is not None}

    def probabilities(self, scores: Mapping[str, Floats], classes: Sequence[str]) -> Floats | None:
        """``(n, K)``; None if they are faulty."""
        before = len(self.faults)
        for name, values in scores.items():
            self._refuse_values((values < 0) | (values > 1), f"the column {name} is outside 0 to 1: give probabilities")
        longest = sorted(classes, key=len, reverse=True)
        of_class = {name: next((known for known in longest if name.endswith(_endings(known))), None) for name in scores}
        if len(scores) == 1 and len(classes) == 2:
            ((name, second),) = scores.items()
            found = np.stack([1 - second, second] if of_class[name] != classes[0] else [second, 1 - second], axis=1)
        elif sorted(str(known) for known in of_class.values()) != sorted(classes):
            wanted = ", ".join(f"NAME_{known}" for known in classes)
            given = ", ".join(scores)
            self.faults.append(f"{self.file}: {given} are no scores of all classes: give a column for each, called {wanted}")
            return None
        else:
            by_class = {str(of_class[name]): values for name, values in scores.items()}
            found = np.stack([by_class[known] for known in classes], axis=1)
            self._refuse_values(np.abs(found.sum(axis=1) - 1) > _ROUNDING, f"the scores {', '.join(scores)} do not add up to 1")
        return found if len(self.faults) == before else None

    def among(self, values: pd.Series[str], classes: Sequence[str], name: str) -> Ints | None:
        """The classes that a column names, by their numbers; None if it names others too."""
        unknown = ~values.isin(classes)
        if not unknown.any():
            return _numbered(values, classes)
        self._refuse(unknown, f"the column {name} has {values[unknown].iloc[0]!r}, and the labels are {', '.join(classes)}")
        return None

    def check_weight(self, weight: Floats | None, name: str) -> None:
        """At least 0, and not all 0."""
        if weight is not None:
            self._refuse_values(weight < 0, f"the column {name} is below 0: give weights")
            if not weight.any():
                self.faults.append(f"{self.file}: all weights of the column {name} are 0")

    def _refuse(self, wrong: pd.Series[bool], said: str) -> None:
        if wrong.any():
            rows = f"in {int(wrong.sum()):,} of {len(wrong):,} rows: {rows_named(wrong.index[wrong])} ({FIRST_ROW})"
            self.faults.append(f"{self.file}: {said}, {rows}")

    def _refuse_values(self, wrong: np.typing.NDArray[np.bool_], said: str) -> None:
        self._refuse(pd.Series(wrong, index=self.table.index), said)


def _of_classes(names: Sequence[str], classes: Sequence[str]) -> list[str]:
    """Those of the columns that are called as scores are which are of the classes: one for each, or one for two classes."""
    own = [name for name in names if name in [f"score{ending}" for known in classes for ending in _endings(known)]]
    if len(own) == len(classes):
        return own
    one = [name for name in names if name == "score" or name in own]
    return one[:1] if len(classes) == 2 else []


def _endings(known: str) -> tuple[str, str]:
    """Of columns that are of a class, which may be a whole number written with a point."""
    return f"_{known}", f"_{known}.0"


def _as_whole(values: pd.Series[str] | None) -> pd.Series[str] | None:
    """Names without their ``.0``, where all are whole numbers with a point, as pandas writes those once one was missing."""
    if values is None or not values.dropna().str.fullmatch(_WHOLE).all():
        return values
    return values.str.partition(".")[0]


def _quoted(name: str) -> str:
    """A name, in quotes if it has a comma or a quote, so that different names joined by commas stay different."""
    return json.dumps(name, ensure_ascii=False) if "," in name or '"' in name else name


def _in_order(values: pd.Series[str]) -> tuple[str, ...]:
    """The different values: numbers by size, else by their letters."""
    names = [str(value) for value in values.unique()]
    try:
        return tuple(sorted(names, key=float))
    except ValueError:
        return tuple(sorted(names))


def _numbered(values: pd.Series[str], names: Sequence[str]) -> Ints:
    numbers = {name: number for number, name in enumerate(names)}
    return np.asarray(values.map(numbers), dtype=np.int64)
