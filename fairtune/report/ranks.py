"""Charts of methods compared: mean ranks with what cannot be told apart, and every method's score on one data set."""

from __future__ import annotations

import math
import re

import pandas as pd

from fairtune.metrics import SCORES, UNDEFINED, label
from fairtune.report.chart import Axis, Chart, Colour, Line, Mark, Points
from fairtune.study.benchmark import Benchmark, Block, Entered, Ranked
from fairtune.study.choice import BASELINE
from fairtune.study.entrants import Kind

_COLOURS: dict[Kind, Colour] = {"method": "method0", "baseline": "chosen", "thresholds": "method1"}
_KINDS: dict[Kind, str] = {"method": "methods", "baseline": "plain baseline", "thresholds": "its thresholds moved, no training"}
_NOT_IN_FILES = re.compile(r"[^A-Za-z0-9.+-]+")


def benchmark_charts(found: Benchmark) -> list[Chart]:
    """All of them: critical differences by score and unit, then a chart for each data set on which something was confirmed."""
    kinds = {one.name: one.kind for block in found.blocks for one in block.entrants}
    scored = [score_chart(block, found.score) for block in found.blocks if block.entrants]
    return [*(rank_chart(one, kinds) for one in found.ranked), *scored]


def rank_chart(ranked: Ranked, kinds: dict[str, Kind]) -> Chart:
    """A critical-difference diagram: a row for each method, the best above, and bars over those that cannot be told apart.

    Reaches are half of Nemenyi's critical difference: methods differ whose reaches do not meet.
    """
    ranking = ranked.ranking
    order = sorted(range(len(ranked.names)), key=lambda place: (ranking.mean[place], ranked.names[place]))
    row = {place: number for number, place in enumerate(order)}
    half = ranking.critical / 2
    marks: list[Mark] = []
    for kind, colour in _COLOURS.items():
        own = [place for place in order if kinds[ranked.names[place]] == kind]
        if own:
            means = [ranking.mean[place] for place in own]
            told = [f"{ranked.names[place]}: mean rank {ranking.mean[place]:.2f}" for place in own]
            ends = [(mean - half, mean + half) for mean in means]
            marks.append(Points(means, [row[place] for place in own], colour, label=_KINDS[kind], told=told, x_ends=ends))
    step = 0.02 * len(order)
    right = max(ranking.mean) + half
    for number, alike in enumerate(ranking.alike, 1):
        at = right + number * step
        rows = [row[place] for place in alike]
        marks.append(Line([at, at], [min(rows) - 0.3, max(rows) + 0.3], "ink"))
    test = f"Friedman p = {ranking.p_value:.2g}"
    finds = "" if ranking.p_value < 0.05 else ", none is shown to differ"
    alone = "" if ranked.unit == "data sets" else " Seeds are no independent data: it holds for these data sets alone."
    table = pd.DataFrame(
        {
            "name": [ranked.names[place] for place in order],
            "mean_rank": [ranking.mean[place] for place in order],
            "blocks": ranking.blocks,
            "critical_difference": ranking.critical,
            "friedman_p": ranking.p_value,
        }
    )
    first = ", ".join(f"{name} {mean:.2f}" for name, mean in zip(table["name"][:3], table["mean_rank"][:3], strict=True))
    return Chart(
        f"ranks-{ranked.score}-{ranked.unit.replace(' ', '-')}",
        f"{label(ranked.score)}: ranks over {ranking.blocks} {ranked.unit}",
        Axis(f"mean rank; critical difference {ranking.critical:.2f}; {test}"),
        Axis(names=tuple(table["name"])),
        marks,
        f"Mean ranks, the lowest are {first}. {test}{finds}.{alone}",
        table,
    )


def score_chart(block: Block, score: str) -> Chart:
    """Every entrant's score on the test split of one data set, the best above."""
    cost = SCORES[score].cost

    def place_of(one: Entered) -> tuple[float, str]:
        mean = one.test.get(score, UNDEFINED).mean
        return (cost(mean) if math.isfinite(mean) else math.inf, one.name)

    shown = sorted(block.entrants, key=place_of)
    marks: list[Mark] = []
    for kind, colour in _COLOURS.items():
        own = [(row, one, one.test.get(score, UNDEFINED)) for row, one in enumerate(shown) if one.kind == kind]
        if own:
            told = [f"{one.name}: {label(score)} {found.mean:.4f}" for _, one, found in own]
            ends = [(found.low, found.high) for _, _, found in own]
            rows, means = [row for row, _, _ in own], [found.mean for _, _, found in own]
            marks.append(Points(means, rows, colour, label=_KINDS[kind], told=told, x_ends=ends))
    records = [
        {"name": one.name, "kind": one.kind, "run": one.run, "chosen": one.chosen}
        | {f"{name}{end}": getattr(found, of) for name, found in one.test.items() for end, of in _ENDS}
        for one in shown
    ]
    baseline = "; the plain baseline is among them" if any(one.name == BASELINE for one in shown) else ""
    return Chart(
        f"methods-{_NOT_IN_FILES.sub('-', block.data).strip('-')}-{block.seed}",
        f"{block.data}: {label(score)} on test",
        Axis(f"{label(score)}, mean and 95 % interval"),
        Axis(names=tuple(one.name for one in shown)),
        marks,
        f"{label(score)} of {len(shown)} methods on the test split: {shown[0].name} has the best mean{baseline}.",
        pd.DataFrame(records),
    )


_ENDS = (("", "mean"), ("_low", "low"), ("_high", "high"), ("_std", "std"))
