"""The figures of a pipeline's report."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from typing import NamedTuple

import pandas as pd

from fairtune.metrics import UNDEFINED, label
from fairtune.pipeline.expanding import BASELINE
from fairtune.pipeline.format import Drawing
from fairtune.pipeline.material import Material
from fairtune.pipeline.rows import Outcome, Row
from fairtune.report.chart import Axis, Bars, Chart, Colour, Line, Mark, Marker, Points, style_of
from fairtune.report.front import named_axis
from fairtune.study.folders import RunFolder


class Picture(NamedTuple):
    """A figure of a search's own page.

    Attributes:
        title: of which search.
        png: its content in base64.
    """

    title: str
    png: str


def charts_of(material: Material) -> list[Chart]:
    """Every figure that the file asks for and that has something to show."""
    makers = {"bars": _bars, "points": _points, "lines": _lines, "fronts": _fronts}
    found = []
    for drawing in material.file.content.report.figures:
        if drawing.kind in makers:
            found += list(makers[drawing.kind](material, drawing))
    return found


def pictures_of(material: Material) -> list[Picture]:
    """The figures of the searches' own pages that the file asks for."""
    found = []
    for drawing in material.file.content.report.figures:
        if drawing.kind == "runs":
            for outcome in material.outcomes:
                found += list(_of_run(outcome, drawing.x))
    return found


def _of_run(outcome: Outcome, wanted: str) -> Iterator[Picture]:
    folder = RunFolder.of(outcome.planned.place).figures
    for file in sorted(folder.glob("*.png")):
        if fnmatch(file.stem, wanted):
            yield Picture(f"{outcome.planned.named.label}: {file.stem}", base64.b64encode(file.read_bytes()).decode())


def _bars(material: Material, drawing: Drawing) -> Iterator[Chart]:
    """A score of every row, the published one beside it."""
    for data, rows in material.blocks.items():
        marks: list[Mark] = []
        values = [row.ours.get(drawing.y, UNDEFINED).mean for row in rows]
        theirs = [_published(row, drawing.y) for row in rows]
        beside = any(math.isfinite(value) for value in theirs)
        marks.append(Bars(_drawn(values), "method0", "ours", -0.18 if beside else 0.0, 0.32 if beside else 0.7))
        if beside:
            marks.append(Bars(_drawn(theirs), "line", "published", 0.18, 0.32))
        table = pd.DataFrame({"search": [row.label for row in rows], drawing.y: values, "published": theirs})
        title = f"{label(drawing.y)}{_on(data)}"
        alt = f"{title}: " + ", ".join(f"{row.label} {_said(value)}" for row, value in zip(rows, values, strict=True))
        names = tuple(row.label for row in rows)
        across = replace(named_axis(drawing.y), low=min(0.0, *_drawn(values), *_drawn(theirs)))
        yield Chart(_name("bars", drawing.y, data), title, across, Axis(names=names), marks, alt, table)


def _points(material: Material, drawing: Drawing) -> Iterator[Chart]:
    """A score against another; published ones hollow."""
    for data, rows in material.blocks.items():
        marks: list[Mark] = []
        for position, row in enumerate(rows):
            x, y = (row.ours.get(score, UNDEFINED) for score in (drawing.x, drawing.y))
            if not math.isfinite(x.mean + y.mean):
                continue
            colour, marker = _style(row.method, position)
            told = [f"{row.label}: {label(drawing.y)} {y.mean:.4f}, {label(drawing.x)} {x.mean:.4f}"]
            marks.append(Points([x.mean], [y.mean], colour, marker, label=row.label, told=told))
            across, up = _published(row, drawing.x), _published(row, drawing.y)
            if math.isfinite(across + up):
                said = [f"{row.label} as published: {label(drawing.y)} {up:.4f}, {label(drawing.x)} {across:.4f}"]
                marks.append(Points([across], [up], colour, marker, filled=False, told=said))
        hollow = "; hollow as published" * any(isinstance(mark, Points) and not mark.filled for mark in marks)
        title = f"{label(drawing.y)} against {label(drawing.x)}{_on(data)}{hollow}"
        name = _name("points", f"{drawing.y}-{drawing.x}", data)
        table = _table(rows, (drawing.x, drawing.y))
        yield Chart(name, title, named_axis(drawing.x), named_axis(drawing.y), marks, title, table, _nothing(marks))


def _lines(material: Material, drawing: Drawing) -> Iterator[Chart]:
    """A score against a value that searches differ in, a line for each method on each data; published ones dashed."""
    marks: list[Mark] = []
    records = []
    for position, ((data, method), rows) in enumerate(_by_method(material.rows).items()):
        found = sorted(
            (number, row) for row in rows if (number := _number(row.values, drawing.x)) is not None and _has(row, drawing.y)
        )
        found = sorted(found, key=lambda pair: pair[0])
        if len(found) < 2 and method == BASELINE:
            continue
        colour, marker = _style(method, position) if len(material.blocks) == 1 else style_of(position)
        x = [number for number, _ in found]
        y = [row.ours.get(drawing.y, UNDEFINED).mean for _, row in found]
        told = [f"{row.label}{_on(row.data)}, {drawing.x} {number:g}: {row.ours[drawing.y].mean:.4f}" for number, row in found]
        marks += [Line(x, y, colour), Points(x, y, colour, marker, label=f"{method}{_on(data)}", told=told)]
        theirs = [_published(row, drawing.y) for _, row in found]
        if any(map(math.isfinite, theirs)):
            marks.append(Line(x, theirs, colour, f"{method}{_on(data)}, published", dashed=True))
        records += [
            {"data": data, "method": method, drawing.x: a, drawing.y: b, "published": c}
            for a, b, c in zip(x, y, theirs, strict=True)
        ]
    if records:
        title = f"{label(drawing.y)} against {drawing.x.replace('_', ' ')}"
        axis = Axis(drawing.x.replace("_", " "), log=drawing.log)
        yield Chart(_name("lines", drawing.y, drawing.x), title, axis, named_axis(drawing.y), marks, title, pd.DataFrame(records))


def _fronts(material: Material, drawing: Drawing) -> Iterator[Chart]:
    """The front of every search on the validation split."""
    for data in material.blocks:
        own = [outcome for outcome in material.outcomes if outcome.planned.named.data == data]
        marks: list[Mark] = []
        records = []
        for position, outcome in enumerate(own):
            colour, marker = style_of(position)
            front = sorted(_front(outcome, drawing))
            short = outcome.planned.named.short
            x, y = [point[0] for point in front], [point[1] for point in front]
            told = [f"{short}, trial {number}: {label(drawing.y)} {up:.4f}, {label(drawing.x)} {a:.4f}" for a, up, number in front]
            marks += [Line(x, y, colour, step=True), Points(x, y, colour, marker, label=short, told=told)]
            records += [{"search": short, "trial": number, drawing.x: a, drawing.y: up} for a, up, number in front]
        title = f"Fronts on the validation split{_on(data)}"
        name = _name("fronts", f"{drawing.y}-{drawing.x}", data)
        table = pd.DataFrame(records)
        yield Chart(name, title, named_axis(drawing.x), named_axis(drawing.y), marks, title, table, _nothing(marks))


def _front(outcome: Outcome, drawing: Drawing) -> Iterator[tuple[float, float, int]]:
    on_front = set(outcome.summary.front)
    for trial in outcome.summary.trials:
        if trial.number in on_front:
            yield trial.score(drawing.x), trial.score(drawing.y), trial.number


def _style(method: str, position: int) -> tuple[Colour, Marker]:
    return ("ink", "diamond") if method == BASELINE else style_of(position)


def _by_method(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """By their data and method."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.data, row.method), []).append(row)
    return found


def _number(values: Mapping[str, object], name: str) -> float | None:
    value = values.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _has(row: Row, score: str) -> bool:
    return math.isfinite(row.ours.get(score, UNDEFINED).mean)


def _published(row: Row, score: str) -> float:
    quoted = row.published.get(score)
    return math.nan if quoted is None else quoted.mean


def _said(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "without a score"


def _nothing(marks: Sequence[Mark]) -> str:
    """Why nothing is drawn, if so."""
    return "" if marks else "no search has a score here"


def _drawn(values: Sequence[float]) -> list[float]:
    """What is not defined has no bar."""
    return [value if math.isfinite(value) else 0.0 for value in values]


def _table(rows: Sequence[Row], scores: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame([{"search": row.label} | {score: row.ours.get(score, UNDEFINED).mean for score in scores} for row in rows])


def _on(data: str) -> str:
    return f", {data}" if data else ""


def _name(*parts: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", "-".join(filter(None, parts))).strip("-")
