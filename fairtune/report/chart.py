"""What a figure shows, said once: the page draws it as interactive SVG, files get it from matplotlib, programs as a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd
from matplotlib.ticker import LogLocator, MaxNLocator

from fairtune.records import Bytes

Marker = Literal["circle", "square", "up", "down", "cross", "diamond", "dot", "ring", "box"]
Colour = Literal[
    "ink",
    "muted",
    "line",
    "chosen",
    "floor",
    "method0",
    "method1",
    "method2",
    "method3",
    "method4",
    "method5",
    "method6",
    "method7",
]

COLOURS: dict[Colour, str] = {
    "ink": "#1b2733",
    "muted": "#7d8995",
    "line": "#c3ccd5",
    "chosen": "#d55e00",
    "floor": "#5b6875",
    "method0": "#0072b2",
    "method1": "#009e73",
    "method2": "#cc79a7",
    "method3": "#e69f00",
    "method4": "#56b4e9",
    "method5": "#8f7f00",
    "method6": "#332288",
    "method7": "#882255",
}
"""On white. Methods are told apart with every kind of colour vision (M. Okabe and K. Ito, Color Universal Design, 2008); the last
two are of P. Tol's muted scheme.
"""
_METHODS: tuple[Colour, ...] = ("method0", "method1", "method2", "method3", "method4", "method5", "method6", "method7")
_CLASSES: tuple[Colour, ...] = (*_METHODS, "chosen", "ink")
_MARKERS: tuple[Marker, ...] = ("circle", "square", "up", "down", "cross")


def style_of(position: int) -> tuple[Colour, Marker]:
    """Colour and marker of the method, or the role, at a position: 40 that differ."""
    return _METHODS[position % len(_METHODS)], _MARKERS[position % len(_MARKERS)]


def colour_of(y: int) -> Colour:
    """Colour of a class where colours tell classes: ten that differ."""
    return _CLASSES[y % len(_CLASSES)]


def marker_of(a: int) -> Marker:
    """Marker of a group where markers tell groups: five that differ."""
    return _MARKERS[a % len(_MARKERS)]


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        label: what it measures.
        log: whether it is logarithmic.
        names: of the places 0, 1, 2, ... where it is of names, else none.
        low, high: its ends; None to take them from what is drawn.
        shown: whether it has ticks.
        whole: whether its values are whole numbers.
    """

    label: str = ""
    log: bool = False
    names: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    shown: bool = True
    whole: bool = False

    def ends(self, values: Iterable[float]) -> tuple[float, float]:
        """Where it begins and ends, so that some values lie on it with some room."""
        if self.names:
            return -0.6, len(self.names) - 0.4
        found = [
            math.log10(value) if self.log else value for value in values if math.isfinite(value) and (value > 0 or not self.log)
        ]
        low, high = (min(found), max(found)) if found else (0.0, 1.0)
        room = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
        low, high = low - room, high + room
        low, high = (10**low, 10**high) if self.log else (low, high)
        return low if self.low is None else self.low, high if self.high is None else self.high

    def ticks(self, low: float, high: float) -> list[tuple[float, str]]:
        """Where it has ticks between its ends, and what stands there."""
        if not self.shown:
            return []
        if self.names:
            return [(float(place), name) for place, name in enumerate(self.names)]
        places = (
            _log_ticks(low, high)
            if self.log
            else MaxNLocator(5, steps=[1, 2, 5, 10] if self.whole else [1, 2, 2.5, 5, 10], integer=self.whole).tick_values(
                low, high
            )
        )
        return [(float(place), f"{place:,.10g}") for place in places if low <= place <= high]


def _log_ticks(low: float, high: float) -> Sequence[float]:
    wide = math.log10(high / low) > 2
    step = max(1, round(math.log10(high / low) / 5))
    if wide:
        return [10.0**power for power in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1, step)]
    return list(LogLocator(subs=(1, 2, 5)).tick_values(low, high))


@dataclass(frozen=True)
class Points:
    """Marks, one for each pair of ``x`` and ``y``.

    Attributes:
        x, y: where they are; what is not finite is not drawn.
        colour, marker, filled: how they look.
        label: in the legend, if any.
        trials: which trials they are, to be told on the page; else none.
        told: what the page tells of each where they are no trials.
        x_ends, y_ends: the two ends of each one's interval, if any.
    """

    x: Sequence[float]
    y: Sequence[float]
    colour: Colour
    marker: Marker = "circle"
    filled: bool = True
    label: str = ""
    trials: Sequence[int] = ()
    told: Sequence[str] = ()
    x_ends: Sequence[tuple[float, float]] = ()
    y_ends: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class Line:
    """A line through points; ``step`` goes across before it goes up. ``trial`` is told on the page."""

    x: Sequence[float]
    y: Sequence[float]
    colour: Colour
    label: str = ""
    dashed: bool = False
    step: bool = False
    faint: bool = False
    trial: int | None = None


@dataclass(frozen=True)
class Area:
    """The inside of a closed outline, filled faintly. Of ``background`` only that is seen which lies where other marks are."""

    x: Sequence[float]
    y: Sequence[float]
    colour: Colour
    label: str = ""
    background: bool = False


@dataclass(frozen=True)
class Level:
    """A value of one axis, drawn across the other."""

    axis: Literal["x", "y"]
    value: float
    label: str
    colour: Colour = "floor"


@dataclass(frozen=True)
class Bars:
    """Bars to the right from 0, one for each place of a vertical axis of names."""

    values: Sequence[float]
    colour: Colour
    label: str = ""
    offset: float = 0.0
    height: float = 0.7


@dataclass(frozen=True)
class Text:
    """Words at a place; ``side`` is which part of them is there."""

    x: float
    y: float
    words: str
    side: Literal["left", "middle", "right"] = "middle"


@dataclass(frozen=True)
class Picture:
    """A picture around a place; its pixels stay to be seen.

    Attributes:
        x, y: its middle.
        pixels: ``(H, W, 3)`` uint8, rows from above.
        told: what it is, in words.
        side: its longer side where 460 is the figure's width.
    """

    x: float
    y: float
    pixels: Bytes = field(repr=False)
    told: str
    side: int = 72


Mark = Points | Line | Area | Level | Bars | Text | Picture


@dataclass(frozen=True)
class Chart:
    """A figure.

    Attributes:
        name: of its files.
        title: what it shows.
        x, y: its axes; places of names on ``y`` count from above.
        marks: what is drawn, later ones over earlier ones.
        alt: what is to be seen, in a sentence or two, for who does not see it.
        table: its numbers, all of them, whatever is drawn.
        empty: why nothing is drawn, if so.
        row: how tall each name of ``y`` is.
    """

    name: str
    title: str
    x: Axis
    y: Axis
    marks: Sequence[Mark]
    alt: str
    table: pd.DataFrame = field(repr=False, default_factory=pd.DataFrame)
    empty: str = ""
    row: int = 19

    @property
    def limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The ends of both axes."""
        return self.x.ends(self._values("x")), self.y.ends(self._values("y"))

    def holds(self, area: Area) -> bool:
        """Whether all of an area lies between the ends of both axes."""
        return all(
            low <= value <= high for values, (low, high) in zip((area.x, area.y), self.limits, strict=True) for value in values
        )

    def _values(self, axis: Literal["x", "y"]) -> Iterator[float]:
        for mark in self.marks:
            if isinstance(mark, Points):
                yield from mark.x if axis == "x" else mark.y
                yield from (end for ends in (mark.x_ends if axis == "x" else mark.y_ends) for end in ends)
            elif isinstance(mark, Line) or (isinstance(mark, Area) and not mark.background):
                yield from mark.x if axis == "x" else mark.y
            elif isinstance(mark, Level) and mark.axis == axis:
                yield mark.value
            elif isinstance(mark, Bars) and axis == "x":
                yield from (0.0, *mark.values)

    @property
    def height(self) -> int:
        """How tall it is where 460 is its width: names take a row each."""
        return 92 + max(6 * 19, self.row * len(self.y.names)) if self.y.names else 330


def thinned(numbers: Sequence[int], most: int, keep: Iterable[int] = ()) -> list[int]:
    """At most so many of some numbers in order, spread evenly; those to keep are among them, and may be more.

    Args:
        numbers: in order.
        most: how many at most, beside those to keep.
        keep: which ones must not be left out.
    """
    kept = set(keep)
    others = [number for number in numbers if number not in kept]
    room = max(0, most - len(kept))
    if len(others) > room:
        others = [others[position * len(others) // room] for position in range(room)]
    left = kept | set(others)
    return [number for number in numbers if number in left]
