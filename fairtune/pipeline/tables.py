"""The tables of a pipeline's report: ours beside the published, with arrows against the plain model."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fairtune.metrics import SCORES, UNDEFINED, Interval, label
from fairtune.pipeline.expanding import BASELINE
from fairtune.pipeline.ordering import Checked
from fairtune.pipeline.rows import Row
from fairtune.report.text_table import TextTable

_DASH = "-"


class Cell(NamedTuple):
    """A score of a row.

    Attributes:
        ours, published: mean and standard deviation with an arrow against the plain model of the same source; ``published`` is None
            where no row has a published figure of the score.
        apart: ours less the published, in units of both spreads.
        good: whether ours is better than the plain model's; None where it is that, or equal.
    """

    ours: str
    published: str | None
    apart: str
    good: bool | None


class Line(NamedTuple):
    """A row of a table."""

    row: Row
    cells: tuple[Cell, ...]


def lines_of(rows: Sequence[Row], scores: Sequence[str]) -> list[Line]:
    """The rows on some data, in texts."""
    quoted = {score: _is_quoted(score, rows) for score in scores}
    return [Line(row, tuple(_cell(row, _teacher(row, rows), score, quoted[score]) for score in scores)) for row in rows]


def columns(rows: Sequence[Row], scores: Sequence[str]) -> Iterator[str]:
    """Headings: for each score ours and, where there are published figures of it, theirs and how far both are apart."""
    for score in scores:
        yield f"{label(score)} ({'↑' if SCORES[score].better == 'higher' else '↓'})"
        if _is_quoted(score, rows):
            yield "published"
            yield "apart"


def told_of(rows: Sequence[Row], scores: Sequence[str]) -> list[str]:
    """The scores that some row on these data has, published or ours, as a gap of two classes is not defined for ten; else all."""
    own = {score for row in rows for score, found in row.ours.items() if math.isfinite(found.mean)}
    return [score for score in scores if score in own or _is_quoted(score, rows)] or list(scores)


def block_table(title: str, rows: Sequence[Row], scores: Sequence[str]) -> TextTable:
    """The rows on some data, beside the published ones if there are any."""
    scores, texts = told_of(rows, scores), []
    for row, cells in lines_of(rows, scores):
        parts = [(cell.ours,) if cell.published is None else (cell.ours, cell.published, cell.apart) for cell in cells]
        state = " (failed)" if row.failed else "" if row.ours else " (nothing confirmed)"
        texts.append([row.label + state, *itertools.chain(*parts)])
    note = "; ".join(f"{row.label} failed: {row.failed}" for row in rows if row.failed)
    return TextTable(title, ["search", *columns(rows, scores)], texts, note)


def ordering_table(checked: Sequence[tuple[str, Checked]]) -> TextTable:
    """Which orderings hold, and on which data where that is to be told."""
    told = any(data for data, _ in checked)
    texts = [
        [
            one.said,
            *[data] * told,
            format_mean(one.left or UNDEFINED),
            format_mean(one.right or UNDEFINED),
            one.verdict or f"not checked, {one.why}",
        ]
        for data, one in checked
    ]
    note = "a pair is told apart if its means differ by more than both standard deviations together, which takes two seeds"
    return TextTable("Orderings", ["ordering", *["data"] * told, "left", "right", "verdict"], texts, note)


def format_mean(found: Interval) -> str:
    """A mean with its standard deviation, small ones with their exponent."""
    return _mean(found.mean, found.std)


def _is_quoted(score: str, rows: Sequence[Row]) -> bool:
    return any(score in row.published for row in rows)


def _cell(row: Row, teacher: Row | None, score: str, is_quoted: bool) -> Cell:
    own, quoted = row.ours.get(score, UNDEFINED), row.published.get(score)
    theirs = None if not is_quoted else "" if quoted is None else _mean(quoted.mean, quoted.std)
    difference = row.apart(score)
    if teacher is None:
        return Cell(_mean(own.mean, own.std), theirs, _units(difference), None)
    against = teacher.ours.get(score, UNDEFINED).mean
    quoted_teacher = teacher.published.get(score)
    if theirs and quoted is not None and quoted_teacher is not None:
        theirs += _arrow(quoted.mean, quoted_teacher.mean)
    apart = own.mean - against
    good = None if apart == 0 or not math.isfinite(apart) else SCORES[score].cost(own.mean) < SCORES[score].cost(against)
    return Cell(_mean(own.mean, own.std) + _arrow(own.mean, against), theirs, _units(difference), good)


def _teacher(row: Row, rows: Sequence[Row]) -> Row | None:
    """The plain model of a row's search; None for that itself."""
    if row.method == BASELINE:
        return None
    return next((other for other in rows if other.method == BASELINE and other.plain == row.plain), None)


def _arrow(value: float, teacher: float) -> str:
    if not math.isfinite(value - teacher) or value == teacher:
        return ""
    return " ↑" if value > teacher else " ↓"


def _units(difference: float) -> str:
    return f"{difference:+.1f}" if math.isfinite(difference) else _DASH


def _mean(mean: float, std: float) -> str:
    if not math.isfinite(mean):
        return _DASH
    written = f"{mean:.4f}" if abs(mean) >= 0.001 or mean == 0 else f"{mean:.2e}"
    if not math.isfinite(std):
        return written
    return f"{written} ± {std:.4f}" if std >= 0.00005 or std == 0 else f"{written} ± {std:.0e}"
