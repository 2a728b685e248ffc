"""The predictions of any model audited, from a table of samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console

from fairtune.api.predictions import Columns, Predictions, read_predictions
from fairtune.errors import FairtuneError
from fairtune.metrics import (
    MINIMUM,
    SCORES,
    Cell,
    Number,
    account,
    cell_scores,
    label,
    name_only_class,
    name_small_cells,
    only_class,
    small_cells,
)
from fairtune.names import Names
from fairtune.records import Ints
from fairtune.report.formats import format_score
from fairtune.report.text_table import TextTable
from fairtune.report.told import Told, print_told, write_told

_ROWS = 20
"""Of the cells of a column that has more groups than can be compared."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Told95(_Part):
    """A score: its value, the estimate without most of the bias of a maximum, and the ends of its 95 % interval."""

    value: Number
    estimate: Number
    low: Number
    high: Number


class CellAudit(_Part):
    """The samples of a class and a group: how many, and the share that is recognised with its interval."""

    of_class: str = Field(alias="class")
    group: str
    samples: int
    accuracy: Told95


class Grouping(_Part):
    """What is found by one column of groups, or by several crossed.

    Attributes:
        groups: their names.
        scores: by name.
        cells: those that have samples, by class and group.
        small_cells: y, a and the samples of each cell that is too small to conclude from, empty ones too.
    """

    groups: tuple[str, ...]
    scores: dict[str, Told95]
    cells: tuple[CellAudit, ...]
    small_cells: tuple[Cell, ...]


class FileAudit(_Part):
    """The audit of a file of predictions.

    Attributes:
        file: its name.
        samples: how many it has.
        weighted: whether they have weights.
        classes: their names.
        left_out: columns that are called as scores are, and are of no class.
        only_class: number of the class that every sample is given; None where they are given several.
        by: what is found, by the column of groups, or the columns joined by `` x ``.
    """

    schema_: Literal["fairtune-file-audit/1"] = Field(default="fairtune-file-audit/1", alias="schema")
    file: str
    samples: int
    weighted: bool
    classes: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    only_class: int | None = None
    by: dict[str, Grouping]


def audit_file(file: Path, columns: Columns, console: Console, out: Path | None = None) -> FileAudit:
    """Audit predictions, print what is found, and write it where a folder is given.

    Args:
        file: CSV, Parquet or Arrow, a row for each sample.
        columns: what its columns are called.
        console: where to print.
        out: a folder for ``audit.json`` and ``audit.md``; it is made.

    Raises:
        InvalidInput, DataError: every fault of the file.
        FairtuneError: the folder cannot be written.
    """
    given = read_predictions(file, columns)
    by_column = ((name, _too_fine(name, given.samples(groups))) for name, groups in given.groupings().items())
    too_fine = {name: said for name, said in by_column if said is not None}
    for said in too_fine.values():
        console.print(said, soft_wrap=True)
    found = FileAudit(
        file=file.name,
        samples=len(given.y),
        weighted=given.weight is not None,
        classes=given.classes,
        left_out=given.left_out,
        only_class=only_class(given.tabulated(next(iter(given.groups.values()))).rates),
        by={name: _grouping(given, name) for name in given.groupings()},
    )
    told = _told(found, too_fine)
    print_told(console, told._replace(sentences=[said for said in told.sentences if said not in too_fine.values()]))
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
            written = write_told(out, found, told)
        except OSError as error:
            raise FairtuneError(f"--out {out} cannot be written: {error.strerror}") from error
        console.print(f"written  {', '.join(map(str, written))}", soft_wrap=True)
    return found


def _too_fine(by: str, samples: Ints) -> str | None:
    """That most groups of a column, of which these are the cells, are too small to be compared; None if they are not."""
    small, groups = int((samples.sum(axis=1) < MINIMUM).sum()), len(samples)
    if 2 * small <= groups:
        return None
    return f"by {by}: {small:,} of {groups:,} groups have fewer than {MINIMUM} samples, too few to be compared"


def _undefined(by: str, found: Grouping) -> list[str]:
    """Why there is no gap between groups, if so."""
    if not math.isnan(found.scores["deo_m"].value):
        return []
    return [f"by {by}: no class has samples in two groups, so that there is nothing to compare, and - stands for the gaps"]


def _grouping(given: Predictions, by: str) -> Grouping:
    groups = given.groupings()[by]
    rates, counts, names = given.tabulated(groups)
    samples = given.samples(groups)
    cells = [
        CellAudit.model_validate(
            {
                "class": names.classes[cell.y],
                "group": names.groups[cell.a],
                "samples": samples[cell.a, cell.y],
                "accuracy": Told95(value=cell.accuracy, estimate=cell.accuracy, low=cell.low, high=cell.high),
            }
        )
        for cell in cell_scores(counts)
        if samples[cell.a, cell.y] > 0
    ]
    return Grouping(
        groups=names.groups,
        scores={name: _numbers(*told) for name, told in account(rates, counts, SCORES.values()).items()},
        cells=tuple(cells),
        small_cells=tuple(small_cells(samples)),
    )


def _numbers(value: float, limits: tuple[float, float, float]) -> Told95:
    low, estimate, high = limits
    return Told95(value=value, estimate=estimate, low=low, high=high)


def _told(found: FileAudit, too_fine: Mapping[str, str]) -> Told:
    weighted = ", weighted: intervals count no cell for more samples than its weights are worth" if found.weighted else ""
    said = name_only_class(found.only_class, Names(found.classes))
    useless = "" if said is None else f"; {said}"
    remarks = [f"no scores of all classes, and left out: {', '.join(found.left_out)}"] if found.left_out else []
    remarks += [*too_fine.values(), *(said for by, one in found.by.items() for said in _undefined(by, one))]
    remarks += [
        said
        for by, one in found.by.items()
        if (said := name_small_cells(f"by {by}", one.small_cells, Names(found.classes, one.groups))) is not None
    ]
    tables = [table for by, one in found.by.items() for table in _tables(by, one, _ROWS if by in too_fine else len(one.cells))]
    return Told(
        f"Audit of {found.file}",
        [f"{found.file}: {found.samples:,} samples of {len(found.classes)} classes{weighted}{useless}", *remarks],
        tables,
    )


def _tables(by: str, found: Grouping, shown: int) -> list[TextTable]:
    scores = [[label(name), *_texts(score)] for name, score in found.scores.items()]
    cells = [[cell.of_class, cell.group, f"{cell.samples:,}", *_texts(cell.accuracy)[::2]] for cell in found.cells[:shown]]
    more = f"and {len(found.cells) - shown:,} more" if len(found.cells) > shown else ""
    return [
        TextTable(f"scores by {by}", ("score", "value", "corrected", "95 % interval"), scores),
        TextTable(f"accuracy of each cell by {by}", ("class", by, "samples", "accuracy", "95 % interval"), cells, more),
    ]


def _texts(score: Told95) -> list[str]:
    corrected = format_score(score.estimate)
    span = f"{score.low:.3f} to {score.high:.3f}" if math.isfinite(score.low + score.high) else "-"
    return [format_score(score.value), "" if corrected == format_score(score.value) else corrected, span]
