"""Slices: what each hyperparameter alone does to what the rule improves."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from fairtune.metrics import label
from fairtune.names import counted, shortened
from fairtune.report.chart import Chart, Mark, Points, thinned
from fairtune.report.front import method_styles, named_axis, trials_drawn
from fairtune.report.settings import axis_of, place_of, tells
from fairtune.space import Domain
from fairtune.study.summary import Summary, Trial
from fairtune.study.verdict import improves

_POINTS = 150
_MOST = 12


def slice_charts(summary: Summary) -> list[Chart]:
    """One for each hyperparameter that is searched, up to twelve, method by method."""
    name = improves(summary.spec.select)
    charts = []
    for method, space in summary.spec.spaces.items():
        trials = [trial for trial in trials_drawn(summary) if trial.method == method]
        domains = {param: domain for param, domain in space.search.items() if tells(domain)}
        short = shortened(list(domains))
        charts += [
            _slice(summary, trials, method, param, short[param], domain, name) for param, domain in domains.items() if trials
        ]
    return charts[:_MOST]


def _slice(summary: Summary, trials: list[Trial], method: str, param: str, short: str, domain: Domain, score: str) -> Chart:
    colour, marker = method_styles(summary)[method]
    chosen = None if summary.chosen is None else summary.chosen.number
    numbers = set(thinned([trial.number for trial in trials], _POINTS, [] if chosen is None else [chosen]))
    marks: list[Mark] = []
    for feasible in (False, True):
        own = [trial for trial in trials if trial.number in numbers and bool(trial.feasible) == feasible]
        if own:
            label_of = "" if feasible else "below the floor"
            xy = _xy(own, param, domain, score)
            marks.append(Points(*xy, colour, marker, filled=feasible, label=label_of, trials=[trial.number for trial in own]))
    if ringed := [trial for trial in trials if trial.number == chosen]:
        xy = _xy(ringed, param, domain, score)
        marks.append(Points(*xy, "chosen", "ring", filled=False, label="chosen", trials=[trial.number for trial in ringed]))
    alt = f"{label(score)} against {short} of {counted(len(trials), 'trial')} of {method}, validation split."
    title = f"{method}: {short}"
    name = f"slice-{method.replace('+', '-and-')}-{short}"
    return Chart(name, title, axis_of(domain, short), named_axis(score), marks, alt, _table(trials, param, score))


def _xy(trials: Sequence[Trial], param: str, domain: Domain, score: str) -> tuple[list[float], list[float]]:
    return [place_of(domain, trial.params.get(param)) for trial in trials], [trial.score(score) for trial in trials]


def _table(trials: Sequence[Trial], param: str, score: str) -> pd.DataFrame:
    rows = [{"trial": trial.number, param: trial.params.get(param), score: trial.score(score)} for trial in trials]
    return pd.DataFrame(rows)
