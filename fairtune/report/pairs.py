"""Pairs of nets as bars, such as teacher and student: figures 2 to 5 of a comparison of ResNet and ShuffleNet in distillation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from fairtune.metrics import UNDEFINED, Interval, label
from fairtune.report.chart import Axis, Bars, Chart, Colour, Mark, Points
from fairtune.report.formats import format_score
from fairtune.report.front import named_axis

_BARS: tuple[tuple[Colour, float], ...] = (("muted", -0.19), ("method0", 0.19))


class Pair(NamedTuple):
    """A net and what is compared with it, such as a teacher and its student.

    Attributes:
        name: what they are, such as ``resnet18 on CIFAR-10S``.
        first, second: their scores by name, over retrainings.
    """

    name: str
    first: Mapping[str, Interval]
    second: Mapping[str, Interval]


def pair_charts(
    pairs: Sequence[Pair],
    scores: Sequence[str] = ("deo_m", "accuracy"),
    split: str = "test",
    sides: tuple[str, str] = ("teacher", "student"),
) -> list[Chart]:
    """One for each score: two bars for each pair, with their 95 % intervals where there are any.

    Args:
        pairs: of nets.
        scores: by name.
        split: that they were scored on.
        sides: what the first and the second of each pair are.
    """
    return [_chart(pairs, name, split, sides) for name in scores]


def _chart(pairs: Sequence[Pair], score: str, split: str, sides: tuple[str, str]) -> Chart:
    names = tuple(pair.name for pair in pairs)
    marks: list[Mark] = []
    for position, (side, (colour, offset)) in enumerate(zip(sides, _BARS, strict=True)):
        found = [(pair.first, pair.second)[position].get(score, UNDEFINED) for pair in pairs]
        marks.append(Bars([one.mean for one in found], colour, side, offset, height=0.36))
        places, ends = [place + offset for place in range(len(pairs))], [(one.low, one.high) for one in found]
        told = [f"{side}, {name}: {label(score)} {format_score(one.mean)}" for name, one in zip(names, found, strict=True)]
        marks.append(Points([one.mean for one in found], places, "ink", "dot", told=told, x_ends=ends))
    first, second = sides
    said = "; ".join(f"{pair.name}: {first} {_mean(pair.first, score)}, {second} {_mean(pair.second, score)}" for pair in pairs)
    return Chart(
        f"{first}-and-{second}-{score.replace('_', '-')}",
        f"{first} and {second}, {split} split",
        replace(named_axis(score), low=0.0),
        Axis(names=names),
        marks,
        f"{label(score)} of {first} and {second} on the {split} split. {said}.",
        _table(pairs, score, sides),
        row=44,
    )


def _mean(scored: Mapping[str, Interval], score: str) -> str:
    return format_score(scored.get(score, UNDEFINED).mean)


def _table(pairs: Sequence[Pair], score: str, sides: tuple[str, str]) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for pair in pairs:
        row: dict[str, object] = {"pair": pair.name}
        for side, scored in zip(sides, (pair.first, pair.second), strict=True):
            found = scored.get(score, UNDEFINED)
            row |= {side: found.mean, f"{side}_low": found.low, f"{side}_high": found.high, f"{side}_seeds": len(found.values)}
        rows.append(row)
    return pd.DataFrame(rows)
