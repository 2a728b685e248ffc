"""Charts as pictures, drawn by matplotlib."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patheffects import withStroke
from matplotlib.ticker import NullFormatter, NullLocator

from fairtune.report.chart import COLOURS, Area, Bars, Chart, Level, Line, Mark, Marker, Picture, Points, Text
from fairtune.report.front import front_charts
from fairtune.study.summary import Summary

INK, MUTED = COLOURS["ink"], COLOURS["muted"]
_MARKERS: dict[Marker, tuple[str, float]] = {
    "circle": ("o", 5.5),
    "dot": ("o", 2.5),
    "ring": ("o", 13),
    "box": ("s", 10),
    "square": ("s", 5),
    "up": ("^", 6),
    "down": ("v", 6),
    "diamond": ("D", 6),
    "cross": ("P", 6.5),
}
_POINTS_PER_UNIT = 72 * 4.4 / 330
"""Of a chart's height."""
_LABEL_CHARACTERS = 46
"""Of an axis' label in a line."""
_LEGEND_CHARACTERS, _SYMBOL, _LEGEND_LINES = 84, 8, 5
"""What fits above a chart: characters in a line, of which a symbol takes so many, and lines."""
_HALO = withStroke(linewidth=2.5, foreground="white", alpha=0.8)
_SIDES = {"left": "left", "middle": "center", "right": "right"}


def draw_front(summary: Summary) -> Figure:
    """Trials on validation with floor and front, and what the confirmation found on test, side by side.

    A row for each objective after the first, against the first, which stands upright. One objective alone stands against accuracy,
    and accuracy alone against DEO_M.
    """
    return draw(front_charts(summary), columns=2)


def draw(charts: Sequence[Chart], columns: int = 1) -> Figure:
    """Charts in one picture, so many side by side."""
    rows = -(-len(charts) // columns)
    height = max(_POINTS_PER_UNIT * chart.height / 72 for chart in charts)
    figure = Figure(figsize=(5.25 * columns, height * rows), layout="constrained", dpi=130)
    for axes, chart in zip(figure.subplots(rows, columns, squeeze=False).ravel(), charts, strict=False):
        _panel(axes, chart)
    return figure


def _panel(axes: Axes, chart: Chart) -> None:
    for mark in chart.marks:
        _draw(axes, mark)
    _title(axes, chart)
    if chart.empty:
        axes.text(0.5, 0.5, chart.empty, ha="center", va="center", transform=axes.transAxes, color=MUTED)
    _scales(axes, chart)
    axes.set_xlabel(textwrap.fill(chart.x.label, _LABEL_CHARACTERS))
    axes.set_ylabel(chart.y.label)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _title(axes: Axes, chart: Chart) -> None:
    """And the legend, under it, where it covers nothing; inside where it has too many lines."""
    labels = axes.get_legend_handles_labels()[1]
    columns = max(1, _LEGEND_CHARACTERS // (_SYMBOL + max(map(len, labels), default=0)))
    lines = -(-len(labels) // columns)
    above = 0 < lines <= _LEGEND_LINES
    axes.set_title(chart.title, loc="left", color=INK, fontsize=11, pad=8 + 14 * lines if above else None)
    if above:
        axes.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, ncols=columns)
    elif labels:
        axes.legend(frameon=False, fontsize=8).set_in_layout(False)


def _scales(axes: Axes, chart: Chart) -> None:
    across, up = chart.limits
    axes.set_xscale("log" if chart.x.log else "linear")
    axes.set_yscale("log" if chart.y.log else "linear")
    for axis, (low, high), drawn in ((chart.x, across, axes.xaxis), (chart.y, up, axes.yaxis)):
        ticks = axis.ticks(low, high)
        drawn.set_ticks([place for place, _ in ticks], [name for _, name in ticks])
        drawn.set_minor_locator(NullLocator())
        drawn.set_minor_formatter(NullFormatter())
    axes.set_xlim(*across)
    axes.set_ylim(*(up[::-1] if chart.y.names else up))


def _draw(axes: Axes, mark: Mark) -> None:
    if isinstance(mark, Points):
        _points(axes, mark)
    elif isinstance(mark, Line):
        axes.plot(
            mark.x,
            mark.y,
            color=COLOURS[mark.colour],
            label=mark.label or None,
            lw=0.7 if mark.faint else 1.5,
            alpha=0.4 if mark.faint else 0.9,
            ls="--" if mark.dashed else "-",
            drawstyle="steps-post" if mark.step else "default",
            zorder=1,
        )
    elif isinstance(mark, Area):
        axes.fill(mark.x, mark.y, color=COLOURS[mark.colour], alpha=0.13, lw=0, label=mark.label or None, zorder=0)
    elif isinstance(mark, Level):
        draw_level = axes.axvline if mark.axis == "x" else axes.axhline
        draw_level(mark.value, color=COLOURS[mark.colour], lw=1, ls="--", label=mark.label)
    elif isinstance(mark, Bars):
        places = [place + mark.offset for place in range(len(mark.values))]
        axes.barh(places, mark.values, mark.height, color=COLOURS[mark.colour], label=mark.label or None)
    elif isinstance(mark, Text):
        axes.text(mark.x, mark.y, mark.words, ha=_SIDES[mark.side], va="center", fontsize=8, color=INK, path_effects=[_HALO])
    elif isinstance(mark, Picture):
        _picture(axes, mark)


def _picture(axes: Axes, mark: Picture) -> None:
    zoom = _POINTS_PER_UNIT * mark.side / max(mark.pixels.shape[:2])
    box = OffsetImage(mark.pixels, zoom=zoom, interpolation="nearest")
    axes.add_artist(AnnotationBbox(box, (mark.x, mark.y), frameon=False, pad=0))


def _points(axes: Axes, mark: Points) -> None:
    marker, size = _MARKERS[mark.marker]
    colour = COLOURS[mark.colour]
    if mark.x_ends or mark.y_ends:
        xerr, yerr = _reaches(mark.x, mark.x_ends), _reaches(mark.y, mark.y_ends)
        axes.errorbar(mark.x, mark.y, xerr=xerr, yerr=yerr, fmt="none", ecolor=colour, capsize=3, lw=1.2)
    inside = colour if mark.filled else "none"
    axes.plot(
        mark.x,
        mark.y,
        marker,
        ms=size,
        mfc=inside,
        mec=colour,
        mew=2 if marker == "o" and size > 9 else 1,
        label=mark.label or None,
    )


def _reaches(values: Sequence[float], ends: Sequence[tuple[float, float]]) -> list[list[float]] | None:
    """How far intervals reach to both sides of what they are of, if there are any; not at all where they have no ends."""
    if not ends:
        return None
    both = [(value - low, high - value) for value, (low, high) in zip(values, ends, strict=True)]
    return [[max(0.0, pair[side]) if math.isfinite(pair[side]) else 0.0 for pair in both] for side in (0, 1)]
