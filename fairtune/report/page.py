"""The report as one HTML page that needs nothing beside it."""

from __future__ import annotations

import json
import math
from functools import cache

import jinja2
from markupsafe import Markup

from fairtune.metrics import SCORES, label
from fairtune.names import counted
from fairtune.report.attainment import SURFACES
from fairtune.report.band import explain_band, tell_rectangle
from fairtune.report.chart import Chart
from fairtune.report.figures import all_charts
from fairtune.report.formats import (
    SPREAD,
    describe_intervals,
    format_chance,
    format_error,
    format_infeasible,
    format_mean,
    format_params,
    format_score,
    format_spread,
    is_corrected,
)
from fairtune.report.front import trials_drawn
from fairtune.report.importance import lacking
from fairtune.report.making import facts_of
from fairtune.report.material import Material
from fairtune.report.recalls import recalls
from fairtune.report.svg import draw_svg, keys
from fairtune.rules import Rule
from fairtune.study.summary import Summary, Trial
from fairtune.study.verdict import advice

_ROWS = 200
"""Trials in the page's table, beside the front and the choice."""


def render_page(material: Material) -> str:
    """The page's HTML."""
    summary = material.summary
    charts = all_charts(material)
    listed = _listed(summary)
    return template("page.html.j2").render(
        summary=summary,
        material=material,
        on_front=set(summary.front),
        charts=charts,
        drawn=sum(map(len, charts.values())),
        listed=listed,
        is_corrected=is_corrected,
        advice=advice(summary),
        why=_why(summary),
        spread=SPREAD if any(trial.intervals for trial in listed) else None,
        band=explain_band(summary),
        surfaces=SURFACES,
        intervals=describe_intervals(summary.shown),
        lacking=lacking(material),
        recalls=recalls(material),
        facts=facts_of(material),
        tips=Markup(json.dumps(tips(summary)).replace("<", "\\u003c")),
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fairtune", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["score"] = format_score
    environment.filters["label"] = label
    environment.filters["mean"] = format_mean
    environment.filters["scored"] = _scored
    environment.filters["params"] = format_params
    environment.filters["error"] = format_error
    environment.filters["chance"] = format_chance
    environment.filters["svg"] = _svg
    environment.filters["keys"] = _keys
    return environment


def template(name: str) -> jinja2.Template:
    """A template of a page, with the filters that all have."""
    return _environment().get_template(name)


def _svg(chart: Chart) -> Markup:
    return Markup(draw_svg(chart))


def _keys(chart: Chart) -> list[tuple[Markup, str]]:
    return [(Markup(drawn), said) for drawn, said in keys(chart)]


def _scored(trial: Trial, name: str) -> str:
    """A score on validation; of a trial of the front with several seeds with what they leave open."""
    return format_spread(trial.intervals[name]) if name in trial.intervals else format_score(trial.score(name))


def _why(summary: Summary) -> str:
    """Why the chosen trial was chosen, in a sentence."""
    complete = [trial for trial in summary.trials if trial.state == "complete"]
    feasible = sum(bool(trial.feasible) for trial in complete)
    rule = Rule.load(summary.spec.select).summary().replace("`", "").rstrip(".")
    return (
        f"{counted(len(complete), 'complete trial')}, {feasible} at or above the floor, {len(summary.front)} on the front; "
        f"the rule {summary.spec.select} takes: {rule[:1].lower()}{rule[1:]}."
    )


def _listed(summary: Summary) -> list[Trial]:
    """The trials of the table: all, or those drawn and the last ones up to as many as are read."""
    if len(summary.trials) <= _ROWS:
        return summary.trials
    keep = {*summary.front, *([] if summary.chosen is None else [summary.chosen.number])}
    best = sorted(summary.trials, key=lambda trial: (trial.number not in keep, not trial.feasible, -_first(summary, trial)))
    return sorted(best[:_ROWS], key=lambda trial: trial.number)


def _first(summary: Summary, trial: Trial) -> float:
    """The first objective, better is more; what is not defined comes last."""
    value = -SCORES[summary.objectives[0]].cost(trial.score(summary.objectives[0]))
    return value if math.isfinite(value) else -math.inf


def tips(summary: Summary) -> dict[int, list[str]]:
    """What the page tells of each trial that is drawn: a line for what it is, for its settings and for its scores."""
    shown = (*summary.shown, *summary.estimates)
    return {
        trial.number: [
            f"trial {trial.number}: {trial.method}{'' if trial.feasible else f', {format_infeasible(trial.collapsed)}'}",
            *([] if not trial.params else [format_params(trial.params)]),
            *(f"{label(name)} {_scored(trial, name)}" for name in shown),
            *([] if (said := tell_rectangle(summary, trial.number)) is None else [said]),
        ]
        for trial in trials_drawn(summary)
    }
