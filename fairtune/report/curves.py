"""How the baseline and the choice came to their scores, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from fairtune.metrics import label
from fairtune.report.chart import Axis, Chart, Colour, Level, Line, Mark, Points, thinned
from fairtune.report.formats import format_score
from fairtune.report.front import named_axis
from fairtune.report.material import Material
from fairtune.spec import Epoch

_POINTS = 60


def curve_charts(material: Material) -> list[Chart]:
    """One for each score: accuracy, what is searched for, and DEO_M."""
    scores = dict.fromkeys(("accuracy", *material.summary.objectives, "deo_m"))
    return [chart for name in scores if (chart := _curve(material, name)) is not None]


def _curve(material: Material, name: str) -> Chart | None:
    runs = {said: history for said, history in _histories(material).items() if any(name in epoch.val for epoch in history)}
    if not runs:
        return None
    marks: list[Mark] = []
    for said, history in runs.items():
        marks += _run(said, [epoch for epoch in history if name in epoch.val], name, "ink" if said == "baseline" else "chosen")
    if name == "accuracy":
        of = "floor" if material.summary.spec.validation_folds == 1 else "floor of the first fold"
        marks.append(Level("y", material.summary.floor, f"{of} {material.summary.floor:.3f}"))
    last = "; ".join(f"{said} ends at {format_score(history[-1].val.get(name, math.nan))}" for said, history in runs.items())
    split = "validation split" if material.summary.spec.validation_folds == 1 else "first validation fold"
    alt = f"{label(name)} on the {split} after each epoch: {last}."
    return Chart(
        f"curve-{name}",
        f"{label(name)}, {split}",
        Axis("epoch", whole=True),
        named_axis(name),
        marks,
        alt,
        _table(runs, name),
    )


def _histories(material: Material) -> dict[str, Sequence[Epoch]]:
    histories: dict[str, Sequence[Epoch]] = {"baseline": material.baseline.history}
    if material.chosen is not None and material.summary.chosen is not None:
        histories[f"chosen (#{material.summary.chosen.number})"] = material.chosen.history
    return {said: history for said, history in histories.items() if history}


def _run(said: str, history: Sequence[Epoch], name: str, colour: Colour) -> list[Mark]:
    epochs = [epoch.number for epoch in history]
    line = Line(epochs, [epoch.val[name] for epoch in history], colour, said, dashed=said == "baseline")
    shown = [history[place] for place in thinned(range(len(history)), _POINTS)]
    told = [f"{said}, epoch {epoch.number}: {label(name)} {epoch.val[name]:.4f}" for epoch in shown]
    dots = Points([epoch.number for epoch in shown], [epoch.val[name] for epoch in shown], colour, "dot", told=told)
    return [line, dots]


def _table(runs: dict[str, Sequence[Epoch]], name: str) -> pd.DataFrame:
    columns = {said: {epoch.number: epoch.val.get(name) for epoch in history} for said, history in runs.items()}
    return pd.DataFrame(columns).rename_axis("epoch").reset_index()
