"""Charts of what the fronts of several seeds attain: the median surface, and the area from the best to the worst."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from fairtune.metrics import label
from fairtune.names import counted
from fairtune.report.chart import Chart, Mark, style_of
from fairtune.report.front import named_axis
from fairtune.report.surface import between, border, farthest
from fairtune.study.attainment import Attainment, of_retrainings, of_trials
from fairtune.study.benchmark import Benchmark
from fairtune.study.summary import Summary

SURFACES = (
    "The line is what at least half of the fronts attain; the area reaches from what any of them attains to what all do. A front "
    "attains a point that one of its own is as good as in both scores (Grunert da Fonseca and others, 2001)"
)
_NOT_IN_FILES = re.compile(r"[^A-Za-z0-9.+-]+")


def seed_charts(summary: Summary) -> list[Chart]:
    """Of a search: its front over the seeds of its trials, and what it confirmed over the final seeds."""
    charts = []
    if (found := of_trials(summary)) is not None:
        charts.append(surface_chart("attained-validation", "the front on each seed, validation split", [found]))
    if (found := of_retrainings(summary)) is not None:
        charts.append(surface_chart("attained-test", "what was confirmed on each seed, test split", [found]))
    return charts


def search_charts(found: Benchmark) -> list[Chart]:
    """Of searches that were repeated with other seeds: a chart for each data set and pair of scores."""
    charts = []
    for data, pair in dict.fromkeys((data, one.pair) for data, of in found.attainments.items() for one in of):
        name = _NOT_IN_FILES.sub("-", f"attained-{data}-{pair[1]}-{pair[0]}").strip("-")
        own = [one for one in found.attainments[data] if one.pair == pair]
        charts.append(surface_chart(name, f"fronts of repeated searches, {data} (validation split)", own))
    return charts


def surface_chart(name: str, title: str, attainments: Sequence[Attainment]) -> Chart:
    """Surfaces in one chart.

    Args:
        name, title: of the chart.
        attainments: at least one, all in the same pair of scores.
    """
    across, up = pair = attainments[0].pair
    areas: list[Mark] = []
    medians: list[Mark] = []
    rows: list[dict[str, object]] = []
    drawn = [corner for one in attainments for corners in (one.best, one.worst) for corner in corners]
    far = farthest(np.array(drawn), pair)
    for position, one in enumerate(attainments):
        colour, _ = style_of(position)
        best, median, worst = (np.array(corners).reshape(-1, 2) for corners in (one.best, one.median, one.worst))
        areas.append(between(best, worst, pair, far, colour, f"{one.of}: from the best to the worst of {one.fronts}"))
        medians.append(border(median, pair, far, colour, f"{one.of}: median"))
        for surface, corners in (("best", best), ("median", median), ("worst", worst)):
            rows += [{"of": one.of, "fronts": one.fronts, "surface": surface, up: y, across: x} for x, y in corners]
    told = "; ".join(tell_attainment(one) for one in attainments)
    alt = f"{label(up)} against {label(across)}: what fronts of several seeds attain. {told}."
    return Chart(name, title, named_axis(across), named_axis(up), [*areas, *medians], alt, pd.DataFrame(rows))


def tell_attainment(one: Attainment) -> str:
    """The median surface in words, by its two ends."""
    if not one.median:
        return f"{one.of}, {counted(one.fronts, 'front')}: fewer than half attain anything"
    across, up = map(label, one.pair)
    ends = " and ".join(f"{up} {y:.4f} with {across} {x:.4f}" for x, y in dict.fromkeys((one.median[0], one.median[-1])))
    return f"{one.of}, {counted(one.fronts, 'front')}: half of them attain {ends}"
