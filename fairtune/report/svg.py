"""A chart as SVG inside a page: its colours follow the page, its points tell what they are."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import NamedTuple

from PIL import Image

from fairtune.report.chart import Area, Axis, Bars, Chart, Level, Line, Mark, Marker, Picture, Points, Text

WIDTH = 460
_TOP, _RIGHT, _BOTTOM = 10, 16, 48
_SHAPES: dict[Marker, str] = {
    "circle": "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "dot": "m-1.8 0a1.8 1.8 0 1 0 3.6 0a1.8 1.8 0 1 0-3.6 0z",
    "ring": "m-8.5 0a8.5 8.5 0 1 0 17 0a8.5 8.5 0 1 0-17 0z",
    "box": "m-7-7h14v14h-14z",
    "square": "m-3.6-3.6h7.2v7.2h-7.2z",
    "up": "m0-4.8l4.6 8h-9.2z",
    "down": "m0 4.8l4.6-8h-9.2z",
    "diamond": "m0-5.8l5.2 5.8l-5.2 5.8l-5.2-5.8z",
    "cross": "m-1.6-4.8h3.2v3.2h3.2v3.2h-3.2v3.2h-3.2v-3.2h-3.2v-3.2h3.2z",
}
"""Paths around a point."""

Place = Callable[[float], float]


class _Frame(NamedTuple):
    """Where values of both axes lie, in units of the drawing."""

    x: Place
    y: Place
    left: float
    bottom: float

    def held(self, x: float, y: float) -> tuple[float, float]:
        """A place, or the nearest to it that lies on the drawing."""
        return min(max(x, self.left), WIDTH - _RIGHT), min(max(y, _TOP), self.bottom)


def draw_svg(chart: Chart) -> str:
    """The markup of a chart, 460 units wide."""
    frame = _frame(chart)
    parts = [*_grid(chart, frame), *(part for mark in chart.marks for part in _draw(mark, frame))]
    if chart.empty:
        parts.append(_text(WIDTH / 2, chart.height / 2, chart.empty, "empty"))
    inside = "\n".join(parts)
    told = any(isinstance(mark, Points) and (mark.trials or mark.told) for mark in chart.marks)
    kind = 'class="chart told"' if told else 'class="chart"'
    return f'<svg {kind} viewBox="0 0 {WIDTH} {chart.height}" role="img" aria-label="{escape(chart.alt)}">\n{inside}\n</svg>'


def draw_key(mark: Points | Line | Area | Level | Bars) -> str:
    """What a mark looks like, for a legend."""
    if isinstance(mark, Points):
        inside = f'<path class="{_class(mark)}" d="M9 8{_SHAPES[mark.marker]}"/>'
    elif isinstance(mark, Area):
        inside = f'<path class="area {mark.colour}" d="M1 3H17V13H1z"/>'
    elif isinstance(mark, Bars):
        inside = f'<rect class="bar {mark.colour}" x="2" y="3" width="14" height="10"/>'
    else:
        dashed = isinstance(mark, Level) or mark.dashed
        inside = f'<path class="stroke {mark.colour}{" dashed" if dashed else ""}" d="M0 8H18"/>'
    return f'<svg class="key" viewBox="0 0 18 16" aria-hidden="true">{inside}</svg>'


def keys(chart: Chart) -> list[tuple[str, str]]:
    """The legend: what each labelled mark looks like, and what it is."""
    return [(draw_key(mark), mark.label) for mark in chart.marks if not isinstance(mark, Text | Picture) and mark.label]


def _frame(chart: Chart) -> _Frame:
    (left_end, right_end), (low_end, high_end) = chart.limits
    longest = max((len(name) for _, name in chart.y.ticks(low_end, high_end)), default=0)
    left = min(215.0, 16 + 7.4 * longest) + (18 if chart.y.label else 0)
    bottom = chart.height - _BOTTOM
    across = _place(chart.x, left_end, right_end, left, WIDTH - _RIGHT)
    ends = (_TOP, bottom) if chart.y.names else (bottom, _TOP)
    return _Frame(across, _place(chart.y, low_end, high_end, *ends), left, bottom)


def _place(axis: Axis, low: float, high: float, begin: float, end: float) -> Place:
    if axis.log:
        return lambda value: begin + (end - begin) * math.log(value / low) / math.log(high / low)
    return lambda value: begin + (end - begin) * (value - low) / (high - low)


def _grid(chart: Chart, frame: _Frame) -> Iterator[str]:
    across, up = chart.limits
    for place, name in chart.x.ticks(*across):
        x = frame.x(place)
        yield f'<path class="grid" d="M{x:.1f} {_TOP}V{frame.bottom:.1f}"/>'
        yield _text(x, frame.bottom + 16, name, "tick")
    for place, name in chart.y.ticks(*up):
        y = frame.y(place)
        yield f'<path class="grid" d="M{frame.left:.1f} {y:.1f}H{WIDTH - _RIGHT}"/>'
        yield _text(frame.left - 7, y + 4, _short(name, 27), "tick right")
    if chart.x.label:
        yield _text((frame.left + WIDTH - _RIGHT) / 2, chart.height - 8, chart.x.label, "axis")
    if chart.y.label:
        middle = (_TOP + frame.bottom) / 2
        yield f'<text class="axis" transform="translate(12 {middle:.1f}) rotate(-90)">{escape(chart.y.label)}</text>'


def _draw(mark: Mark, frame: _Frame) -> Iterator[str]:
    if isinstance(mark, Points):
        yield from _points(mark, frame)
    elif isinstance(mark, Line):
        yield _line(mark, frame)
    elif isinstance(mark, Area):
        pairs = [frame.held(frame.x(x), frame.y(y)) for x, y in zip(mark.x, mark.y, strict=True)]
        yield f'<path class="area {mark.colour}" d="{_path(pairs, step=False)}z"/>'
    elif isinstance(mark, Level):
        value = frame.x(mark.value) if mark.axis == "x" else frame.y(mark.value)
        path = f"M{value:.1f} {_TOP}V{frame.bottom:.1f}" if mark.axis == "x" else f"M{frame.left:.1f} {value:.1f}H{WIDTH - _RIGHT}"
        yield f'<path class="stroke dashed {mark.colour}" d="{path}"/>'
    elif isinstance(mark, Bars):
        yield from _bars(mark, frame)
    elif isinstance(mark, Picture):
        yield _picture(mark, frame)
    else:
        side = "" if mark.side == "middle" else f" {mark.side}"
        yield _text(frame.x(mark.x), frame.y(mark.y) + 4, mark.words, f"words{side}")


def _points(mark: Points, frame: _Frame) -> Iterator[str]:
    for position, (x, y) in enumerate(zip(mark.x, mark.y, strict=True)):
        if not (math.isfinite(x) and math.isfinite(y)):
            continue
        at = frame.x(x), frame.y(y)
        if mark.x_ends and all(map(math.isfinite, mark.x_ends[position])):
            low, high = map(frame.x, mark.x_ends[position])
            yield f'<path class="reach {mark.colour}" d="M{low:.1f} {at[1]:.1f}H{high:.1f}"/>'
        if mark.y_ends and all(map(math.isfinite, mark.y_ends[position])):
            low, high = map(frame.y, mark.y_ends[position])
            yield f'<path class="reach {mark.colour}" d="M{at[0]:.1f} {low:.1f}V{high:.1f}"/>'
        told = f' data-trial="{mark.trials[position]}"' if mark.trials else ""
        told += f' data-told="{escape(mark.told[position])}"' if mark.told else ""
        yield f'<path class="{_class(mark)}"{told} d="M{at[0]:.1f} {at[1]:.1f}{_SHAPES[mark.marker]}"/>'


def _class(mark: Points) -> str:
    return f"point {mark.colour}{'' if mark.filled else ' hollow'}{' ring' if mark.marker in ('ring', 'box') else ''}"


def _line(mark: Line, frame: _Frame) -> str:
    pairs = [(frame.x(x), frame.y(y)) for x, y in zip(mark.x, mark.y, strict=True) if math.isfinite(x) and math.isfinite(y)]
    kind = f"stroke {mark.colour}{' dashed' if mark.dashed else ''}{' faint' if mark.faint else ''}"
    told = "" if mark.trial is None else f' data-trial="{mark.trial}"'
    return f'<path class="{kind}"{told} d="{_path(pairs, step=mark.step)}"/>'


def _path(pairs: Sequence[tuple[float, float]], *, step: bool) -> str:
    if not pairs:
        return "M0 0"
    (x, y), *others = pairs
    return f"M{x:.1f} {y:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" if step else f"L{x:.1f} {y:.1f}" for x, y in others)


def _bars(mark: Bars, frame: _Frame) -> Iterator[str]:
    for place, value in enumerate(mark.values):
        if math.isfinite(value):
            top, bottom = sorted(frame.y(place + mark.offset + sign * mark.height / 2) for sign in (-1, 1))
            begin, end = frame.x(0), frame.x(value)
            size = f'width="{end - begin:.1f}" height="{bottom - top:.1f}"'
            yield f'<rect class="bar {mark.colour}" x="{begin:.1f}" y="{top:.1f}" {size}/>'


def _picture(mark: Picture, frame: _Frame) -> str:
    content = io.BytesIO()
    Image.fromarray(mark.pixels).save(content, "PNG", optimize=True)
    left, top = frame.x(mark.x) - mark.side / 2, frame.y(mark.y) - mark.side / 2
    source = f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
    place = f'x="{left:.1f}" y="{top:.1f}" width="{mark.side}" height="{mark.side}"'
    return f'<image class="picture" {place} href="{source}"><title>{escape(mark.told)}</title></image>'


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"
