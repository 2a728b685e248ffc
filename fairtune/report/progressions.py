"""Information on the group and accuracy on old and new samples, epoch by epoch (R. Ragonesi et al., 2021, figure 4)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from fairtune.report.chart import Axis, Chart, Colour, Line, Mark, Marker, Points, style_of, thinned
from fairtune.report.formats import format_score
from fairtune.spec import Epoch

_POINTS = 60


class Followed(NamedTuple):
    """A training.

    Attributes:
        name: what it is, such as ``weight 0.5``.
        history: its epochs.
    """

    name: str
    history: Sequence[Epoch]


class _Curve(NamedTuple):
    file: str
    title: str
    axis: str
    value: Callable[[Epoch], float]


def tells_information(history: Sequence[Epoch]) -> bool:
    """Whether a training estimated what its net knows of the group."""
    return any(math.isfinite(_information(epoch)) for epoch in history)


def _information(epoch: Epoch) -> float:
    """As ``mi`` estimates it in nats, or as the private head of ``ffw`` knows it, from 0 to 1."""
    named = {name.rpartition(".")[2]: value for name, value in epoch.reported.items()}
    return named.get("estimate", named.get("private_mi", math.nan))


_CURVES = (
    _Curve("information", "information on the group, as the method estimates it", "estimate (lower is fairer)", _information),
    _Curve("validation", "accuracy, validation split", "accuracy", lambda epoch: epoch.val.get("accuracy", math.nan)),
    _Curve("training", "accuracy of the batches trained on", "accuracy", lambda epoch: epoch.reported.get("accuracy", math.nan)),
)


def progression_charts(trainings: Sequence[Followed]) -> list[Chart]:
    """One for the information, one for validation and one for training accuracy, each as far as the trainings recorded it.

    Args:
        trainings: at least one.
    """
    return [chart for curve in _CURVES if (chart := _chart(trainings, curve)) is not None]


def _chart(trainings: Sequence[Followed], curve: _Curve) -> Chart | None:
    marks: list[Mark] = []
    rows: list[tuple[str, int, float]] = []
    for place, one in enumerate(trainings):
        epochs = [epoch.number for epoch in one.history]
        values = [curve.value(epoch) for epoch in one.history]
        if any(map(math.isfinite, values)):
            marks += _drawn(one.name, epochs, values, style_of(place))
            rows += [(one.name, *pair) for pair in zip(epochs, values, strict=True)]
    if not rows:
        return None
    ends = "; ".join(f"{name} ends at {format_score(value)}" for name, value in {row[0]: row[2] for row in rows}.items())
    alt = f"{curve.title[0].upper()}{curve.title[1:]}, after each epoch: {ends}."
    table = pd.DataFrame(rows, columns=["curve", "epoch", curve.file])
    return Chart(f"progression-{curve.file}", curve.title, Axis("epoch", whole=True), Axis(curve.axis), marks, alt, table)


def _drawn(name: str, epochs: Sequence[int], values: Sequence[float], style: tuple[Colour, Marker]) -> Iterator[Mark]:
    yield Line(epochs, values, style[0], name)
    shown = thinned(range(len(epochs)), _POINTS)
    x, y = [epochs[place] for place in shown], [values[place] for place in shown]
    yield Points(x, y, style[0], "dot", told=[f"{name}, epoch {at}: {format_score(value)}" for at, value in zip(x, y, strict=True)])
