"""Parallel coordinates: a line for each trial through its hyperparameters to its scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from fairtune.metrics import label
from fairtune.names import counted, shortened
from fairtune.report.chart import Axis, Chart, Colour, Line, Mark, Text, thinned
from fairtune.report.front import trials_drawn
from fairtune.report.settings import ends_of, share_of, tells
from fairtune.space import Domain
from fairtune.study.summary import Summary, Trial

_LINES = 150
_MOST_AXES = 6


class _Upright(NamedTuple):
    """One of the axes: where a trial is on it, from 0 to 1, and what stands at its two ends."""

    name: str
    share: Callable[[Trial], float]
    low: str
    high: str


def parallel_charts(summary: Summary) -> list[Chart]:
    """One for each method of which something is searched."""
    charts = (_chart(summary, method) for method in summary.spec.spaces)
    return [chart for chart in charts if chart is not None]


def _chart(summary: Summary, method: str) -> Chart | None:
    trials = [trial for trial in trials_drawn(summary) if trial.method == method]
    domains = {name: domain for name, domain in summary.spec.spaces[method].search.items() if tells(domain)}
    if not domains or len(trials) < 2:
        return None
    axes = _axes(summary, trials, dict(list(domains.items())[: max(1, _MOST_AXES - len(summary.objectives))]))
    on_front = sum(trial.number in summary.front for trial in trials)
    return Chart(
        f"parallel-{method.replace('+', '-and-')}",
        f"{method}: settings and scores, a line for each trial",
        Axis(names=tuple(axis.name for axis in axes)),
        Axis(low=-0.14, high=1.14, shown=False),
        [*_ends(axes), *_lines(summary, trials, axes)],
        f"Settings and scores of {counted(len(trials), 'trial')} of {method}, a line each; the {on_front} on the front stand out.",
        _table(summary, method, list(domains)),
    )


def _axes(summary: Summary, trials: Sequence[Trial], domains: dict[str, Domain]) -> list[_Upright]:
    short = shortened(list(domains))
    axes = [_of_setting(name, short[name], domain) for name, domain in domains.items()]
    return axes + [_of_score(name, trials) for name in summary.objectives]


def _of_setting(name: str, short: str, domain: Domain) -> _Upright:
    return _Upright(short, lambda trial: share_of(domain, trial.params.get(name)), *ends_of(domain))


def _of_score(name: str, trials: Sequence[Trial]) -> _Upright:
    values = [value for trial in trials if math.isfinite(value := trial.score(name))] or [0.0]
    low, high = min(values), max(values)
    return _Upright(label(name), lambda trial: (trial.score(name) - low) / (high - low or 1.0), f"{low:.3g}", f"{high:.3g}")


def _lines(summary: Summary, trials: Sequence[Trial], axes: Sequence[_Upright]) -> Iterator[Line]:
    """Those that stand out last."""
    chosen = None if summary.chosen is None else summary.chosen.number
    front = set(summary.front)
    numbers = set(thinned([trial.number for trial in trials], _LINES, [*front, *([] if chosen is None else [chosen])]))
    for trial in sorted(trials, key=lambda trial: (trial.number == chosen, trial.number in front)):
        if trial.number in numbers:
            is_plain = trial.number != chosen and trial.number not in front
            colour: Colour = "chosen" if trial.number == chosen else "muted" if is_plain else "method0"
            label_of = "chosen" if trial.number == chosen else ""
            yield Line(range(len(axes)), [axis.share(trial) for axis in axes], colour, label_of, faint=is_plain, trial=trial.number)


def _ends(axes: Sequence[_Upright]) -> Iterator[Mark]:
    for place, axis in enumerate(axes):
        yield Line([place, place], [0, 1], "line")
        yield Text(place, -0.08, axis.low)
        yield Text(place, 1.09, axis.high)


def _table(summary: Summary, method: str, names: Sequence[str]) -> pd.DataFrame:
    rows = [
        {"trial": trial.number, **{name: trial.params.get(name) for name in names}}
        | {name: trial.score(name) for name in summary.objectives}
        for trial in summary.trials
        if trial.method == method and trial.state == "complete"
    ]
    return pd.DataFrame(rows)
