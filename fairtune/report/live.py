"""A page that grows while a search runs, and what it asks for."""

from __future__ import annotations

from typing import TypedDict

from markupsafe import escape

from fairtune.names import counted
from fairtune.report.chart import Chart
from fairtune.report.front import front_charts
from fairtune.report.page import template, tips
from fairtune.report.volume import volume_chart
from fairtune.spec import SearchSpec
from fairtune.study.summary import Summary

_LATEST = 12


class Figure(TypedDict):
    """A figure of the page: ``html`` is what stands in the element ``name``."""

    name: str
    html: str


class State(TypedDict):
    """How a search stands.

    Attributes:
        complete: whether it has ended, so that nothing more will come.
        title: of the page.
        standing: how far it is, in a sentence, as HTML.
        figures: the front, what was confirmed, and what the feasible trials cover.
        tips: what is told of each trial that is drawn.
        latest: a table of the trials that ended last, as HTML.
    """

    complete: bool
    title: str
    standing: str
    figures: list[Figure]
    tips: dict[int, list[str]]
    latest: str


def live_page(name: str, spec: SearchSpec) -> str:
    """The page, which asks for its state by itself."""
    size = f"{counted(spec.trials, 'trial')} of {counted(spec.epochs, 'epoch')}"
    lead = f"{spec.methods.replace(',', ', ')} on {spec.dataset.name} with {spec.model.name}: {size}."
    return template("live.html.j2").render(name=name, lead=lead)


def begun(name: str) -> State:
    """How a search stands whose baseline is not trained."""
    standing = "The baseline is being trained: it sets the floor."
    return State(complete=False, title=name, standing=standing, figures=[], tips={}, latest="<p>None yet.</p>")


def state_of(summary: Summary) -> State:
    """How a search stands that has its baseline."""
    ended = [trial for trial in summary.trials if trial.state != "running"]
    columns = (*summary.shown, *summary.estimates)
    latest = template("latest.html.j2").render(trials=ended[: -_LATEST - 1 : -1], shown=columns, on_front=set(summary.front))
    return State(
        complete=summary.complete,
        title=f"{len(ended)} of {summary.spec.trials} · {summary.name}",
        standing=str(escape(_standing(summary, len(ended)))),
        figures=[_figure(chart) for chart in _charts(summary)],
        tips=tips(summary),
        latest=latest,
    )


def _charts(summary: Summary) -> list[Chart]:
    """What is confirmed on the test split is shown once there is anything."""
    charts, volume = front_charts(summary), volume_chart(summary)
    return [*(charts if summary.confirmed else charts[::2]), *([] if volume is None else [volume])]


def _figure(chart: Chart) -> Figure:
    return Figure(name=chart.name, html=template("figure.html.j2").render(chart=chart))


def _standing(summary: Summary, ended: int) -> str:
    if summary.complete:
        return f"The search has ended: {summary.outcome}."
    running = sum(trial.state == "running" for trial in summary.trials)
    feasible = sum(bool(trial.feasible) for trial in summary.trials)
    said = f"{ended} of {counted(summary.spec.trials, 'trial')} ended, {running} under way; "
    said += f"{feasible} reached the floor, {len(summary.front)} on the front."
    return said if summary.chosen is None else f"{said} Trial {summary.chosen.number} is chosen, and is being confirmed."
