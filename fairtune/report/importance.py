"""How much each hyperparameter decides."""

from __future__ import annotations

import pandas as pd

from fairtune.metrics import label
from fairtune.names import shortened
from fairtune.report.chart import Axis, Bars, Chart, style_of
from fairtune.report.material import Material
from fairtune.study.importance import ENOUGH


def importance_charts(material: Material) -> list[Chart]:
    """One for each method of which enough trials tell: a bar for each hyperparameter and objective."""
    return [_chart(method, found) for method, found in material.importance.items() if found]


def lacking(material: Material) -> list[str]:
    """A sentence for each method of which too few trials tell."""
    return [
        f"Of {method}, {_complete(material, method)} trials are complete: what its hyperparameters matter is told from {ENOUGH} on."
        for method, found in material.importance.items()
        if not found and material.summary.spec.spaces[method].search and _complete(material, method) < ENOUGH
    ]


def _complete(material: Material, method: str) -> int:
    return sum(trial.method == method and trial.state == "complete" for trial in material.summary.trials)


def _chart(method: str, found: dict[str, dict[str, float]]) -> Chart:
    params = list(next(iter(found.values())))
    short = shortened(params)
    height = 0.8 / len(found)
    bars = [
        Bars(
            [shares.get(param, 0.0) for param in params],
            style_of(place)[0],
            label(score),
            _offset(place, len(found), height),
            height,
        )
        for place, (score, shares) in enumerate(found.items())
    ]
    first = next(iter(found))
    most = f"{short[params[0]]} matters most for {label(first)}"
    alt = f"Of {method}, {most}: {found[first][params[0]]:.0%} of what sets the best trials apart."
    return Chart(
        f"importance-{method.replace('+', '-and-')}",
        f"{method}: share in what sets the best tenth apart",
        Axis(low=0.0, high=1.02),
        Axis(names=tuple(short.values())),
        bars,
        alt,
        pd.DataFrame(found).rename_axis("hyperparameter").reset_index(),
    )


def _offset(place: int, of: int, height: float) -> float:
    return (place - (of - 1) / 2) * height
