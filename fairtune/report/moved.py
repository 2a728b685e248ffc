"""What moving thresholds brings without training, among what a search found."""

from __future__ import annotations

from collections.abc import Iterator

from fairtune.metrics import label
from fairtune.report.chart import Marker, Points
from fairtune.study.summary import Summary
from fairtune.study.untrained import Point, Untrained

_MARKERS: tuple[Marker, ...] = ("square", "up", "down")


def validation_points(summary: Summary, pair: tuple[str, str]) -> Iterator[Points]:
    """The points of every front, those that reach the floor filled."""
    for position, one in enumerate(summary.untrained):
        points = [point for point in one.front if set(pair) <= point.val.keys()]
        for feasible in (True, False):
            own = [point for point in points if point.feasible == feasible]
            if own:
                x, y = ([point.val[name] for point in own] for name in pair)
                told = [_told(one, point, pair) for point in own]
                named = _named(one) if feasible or own == points else ""
                yield Points(x, y, "floor", _marker(position), filled=feasible, label=named, told=told)


def tested_points(summary: Summary, pair: tuple[str, str]) -> Iterator[Points]:
    """Of every front the point that the rule picks: its mean over the seeds, with its intervals."""
    for position, one in enumerate(summary.untrained):
        if set(pair) <= one.test.keys():
            x, y = (one.test[name] for name in pair)
            told = [f"{one.title}: {label(pair[1])} {y.mean:.4f}, {label(pair[0])} {x.mean:.4f}"]
            yield Points(
                [x.mean],
                [y.mean],
                "floor",
                _marker(position),
                filled=False,
                label=_named(one),
                told=told,
                x_ends=[(x.low, x.high)],
                y_ends=[(y.low, y.high)],
            )


def _named(one: Untrained) -> str:
    return f"{one.role.replace('_', ' ')} + {one.way}"


def _marker(position: int) -> Marker:
    return _MARKERS[position % len(_MARKERS)]


def _told(one: Untrained, point: Point, pair: tuple[str, str]) -> str:
    scores = ", ".join(f"{label(name)} {point.val[name]:.4f}" for name in reversed(pair))
    return f"{one.title}, weight {point.weight:g}: {scores}"
