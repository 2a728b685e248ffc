"""Teachers beside their students, as bars: what distillation changes (figures 2 to 5 of a comparison of ResNet and ShuffleNet)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from fairtune.metrics import UNDEFINED, Interval, label
from fairtune.report.chart import Axis, Bars, Chart, Colour, Mark, Points
from fairtune.report.formats import format_score
from fairtune.report.front import named_axis

_SIDES: tuple[tuple[str, Colour, float], ...] = (("teacher", "muted", -0.19), ("student", "method0", 0.19))


class Taught(NamedTuple):
    """A teacher and its student.

    Attributes:
        name: what they are, such as ``resnet18 on CIFAR-10S``.
        teacher, student: their scores by name, over retrainings.
    """

    name: str
    teacher: Mapping[str, Interval]
    student: Mapping[str, Interval]


def pair_charts(pairs: Sequence[Taught], scores: Sequence[str] = ("deo_m", "accuracy"), split: str = "test") -> list[Chart]:
    """One for each score: two bars for each pair, with their 95 % intervals where there are any.

    Args:
        pairs: teachers and students.
        scores: by name.
        split: that they were scored on.
    """
    return [_chart(pairs, name, split) for name in scores]


def _chart(pairs: Sequence[Taught], score: str, split: str) -> Chart:
    names = tuple(pair.name for pair in pairs)
    marks: list[Mark] = []
    for position, (side, colour, offset) in enumerate(_SIDES):
        found = [(pair.teacher, pair.student)[position].get(score, UNDEFINED) for pair in pairs]
        marks.append(Bars([one.mean for one in found], colour, side, offset, height=0.36))
        places, ends = [place + offset for place in range(len(pairs))], [(one.low, one.high) for one in found]
        told = [f"{side}, {name}: {label(score)} {format_score(one.mean)}" for name, one in zip(names, found, strict=True)]
        marks.append(Points([one.mean for one in found], places, "ink", "dot", told=told, x_ends=ends))
    said = "; ".join(f"{pair.name}: teacher {_mean(pair.teacher, score)}, student {_mean(pair.student, score)}" for pair in pairs)
    return Chart(
        f"teacher-and-student-{score.replace('_', '-')}",
        f"teacher and student, {split} split",
        replace(named_axis(score), low=0.0),
        Axis(names=names),
        marks,
        f"{label(score)} of teachers and students on the {split} split. {said}.",
        _table(pairs, score),
        row=44,
    )


def _mean(scored: Mapping[str, Interval], score: str) -> str:
    return format_score(scored.get(score, UNDEFINED).mean)


def _table(pairs: Sequence[Taught], score: str) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for pair in pairs:
        row: dict[str, object] = {"pair": pair.name}
        for side, scored in (("teacher", pair.teacher), ("student", pair.student)):
            found = scored.get(score, UNDEFINED)
            row |= {side: found.mean, f"{side}_low": found.low, f"{side}_high": found.high, f"{side}_seeds": len(found.values)}
        rows.append(row)
    return pd.DataFrame(rows)
