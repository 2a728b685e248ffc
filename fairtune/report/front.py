"""The front: trials on validation, and what the confirmation found on test, beside what papers report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from fairtune.metrics import SCORES, label
from fairtune.names import counted
from fairtune.report.band import band_area, band_ends
from fairtune.report.chart import Axis, Chart, Colour, Level, Line, Mark, Marker, Points, style_of, thinned
from fairtune.report.moved import tested_points, validation_points
from fairtune.report.published import Figure, figures_of
from fairtune.report.surface import Pair
from fairtune.study.summary import Baseline, Chosen, Confirmed, Summary, Trial

DRAWN = 400
"""How many trials are drawn beside the front and the choice."""


def axes_of(objectives: Sequence[str]) -> Sequence[str]:
    """The scores that a front is drawn in: one objective alone stands against accuracy, and accuracy alone against DEO_M."""
    return objectives if len(objectives) > 1 else tuple(dict.fromkeys(("accuracy", *objectives, "deo_m")))[:2]


def front_charts(summary: Summary) -> list[Chart]:
    """The validation and the test split in turn, for each objective after the first, against the first, which stands upright."""
    upright, *others = axes_of(summary.objectives)
    published = figures_of(summary.spec)
    charts = []
    for other in others:
        charts += [_validation(summary, (other, upright)), _test(summary, (other, upright), published)]
    return charts


def named_axis(name: str) -> Axis:
    """The axis of a score, which says in what direction it is better."""
    score = SCORES[name]
    return Axis(f"{score.label} ({score.better} is {'fairer' if score.gap else 'better'})")


def trials_drawn(summary: Summary) -> list[Trial]:
    """The complete trials that are drawn: the front, the choice, and of the others an even share."""
    complete = {trial.number: trial for trial in summary.trials if trial.val is not None and trial.state == "complete"}
    keep = [*summary.front, *([] if summary.chosen is None else [summary.chosen.number])]
    return [complete[number] for number in thinned(list(complete), DRAWN, [number for number in keep if number in complete])]


def method_styles(summary: Summary) -> dict[str, tuple[Colour, Marker]]:
    """Colour and marker of each method searched."""
    return {method: style_of(position) for position, method in enumerate(summary.spec.spaces)}


def _validation(summary: Summary, pair: Pair) -> Chart:
    marks: list[Mark] = [*_front_line(summary, pair), *_trials(summary, pair), *_floor(summary, pair)]
    baseline = [f"the baseline: {_scores(summary.baseline, pair)}"]
    marks.append(Points(*_xy([summary.baseline], pair), "ink", "diamond", label="baseline", told=baseline))
    marks += validation_points(summary, pair)
    if summary.chosen is not None:
        number = summary.chosen.number
        xy = _xy([summary.chosen], pair)
        marks.append(Points(*xy, "chosen", "ring", filled=False, label=f"chosen (#{number})", trials=[number]))
    across, up = map(label, pair)
    drawn = sum(trial.state == "complete" for trial in summary.trials)
    trials = f"{counted(drawn, 'complete trial')} on the validation split, {len(summary.front)} of them on the front"
    alt = f"{up} against {across} of {trials}."
    bands = list(band_area(summary, pair))
    if bands:
        alt += f" Around it: {bands[0].label}."
    name = f"front-{pair[1]}-{pair[0]}"
    table = _trial_table(summary, pair)
    chart = Chart(name, "trials, validation split", named_axis(pair[0]), named_axis(pair[1]), marks, alt, table)
    told = [band if chart.holds(band) else replace(band, label=f"{band.label}, cut off") for band in bands]
    return replace(chart, marks=[*told, *marks])


def _trials(summary: Summary, pair: Pair) -> Iterator[Points]:
    """By method and by whether they reach the floor."""
    drawn = trials_drawn(summary)
    for method, (colour, marker) in method_styles(summary).items():
        for feasible in (False, True):
            own = [trial for trial in drawn if trial.method == method and bool(trial.feasible) == feasible]
            if own:
                said = method if feasible else f"{method}, below the floor"
                numbers = [trial.number for trial in own]
                yield Points(*_xy(own, pair), colour, marker, filled=feasible, label=said, trials=numbers)


def _front_line(summary: Summary, pair: Pair) -> list[Mark]:
    """A staircase; its trials are marked where they make none: of more than two objectives, or ranked by an estimate of one."""
    by_number = {trial.number: trial for trial in summary.trials}
    on_front = [by_number[number] for number in summary.front]
    xy = _xy(on_front, pair)
    if len(summary.objectives) == 2 and all(along == sorted(along) for along in xy):
        return [Line(*xy, "method0", "front", step=True)]
    return [Points(*xy, "method0", "box", filled=False, label="front", trials=summary.front)]


def _floor(summary: Summary, pair: Pair) -> Iterator[Level]:
    if "accuracy" in pair:
        yield Level("x" if pair[0] == "accuracy" else "y", summary.mean_floor, f"floor {summary.mean_floor:.3f}")


def _test(summary: Summary, pair: Pair, published: Sequence[Figure]) -> Chart:
    settings = summary.confirmed_settings()
    drawn = [(roles, confirmed) for roles, confirmed in settings if _is_defined(confirmed, pair)]
    marks: list[Mark] = []
    for position, (roles, confirmed) in enumerate(drawn):
        marks += _confirmed(roles, confirmed, pair, position)
    marks += tested_points(summary, pair)
    if drawn:
        marks += _papers(published, pair)
    said = "; ".join(f"{_named(roles)}: {_means(confirmed, pair)}" for roles, confirmed in drawn)
    return Chart(
        f"confirmed-{pair[1]}-{pair[0]}",
        "confirmed, test split (95 % intervals)",
        named_axis(pair[0]),
        named_axis(pair[1]),
        marks,
        f"What was confirmed on the test split. {said}." if said else "Nothing is confirmed on the test split.",
        _test_table(summary, pair, published),
        empty="" if drawn else _why_nothing(summary, pair, bool(settings)),
    )


def _confirmed(roles: Sequence[str], confirmed: Confirmed, pair: Pair, position: int) -> Iterator[Points]:
    colour, marker = _role_style(roles, position)
    x, y = map(confirmed.score, pair)
    said = _named(roles)
    seeds = counted(len(confirmed.seeds), "seed")
    told = [
        f"{said}, seed {seed}: {label(pair[1])} {up:.4f}, {label(pair[0])} {across:.4f}"
        for seed, across, up in zip(confirmed.seeds, x.values, y.values, strict=True)
    ]
    if len(confirmed.seeds) > 1:
        yield Points(x.values, y.values, colour, "dot", told=told)
    yield Points(
        [x.mean],
        [y.mean],
        colour,
        marker,
        label=f"{said}: mean of {seeds}",
        told=[f"{said}, mean of {seeds}: {_means(confirmed, pair)}"],
        x_ends=[(x.low, x.high)],
        y_ends=[(y.low, y.high)],
    )


def _named(roles: Sequence[str]) -> str:
    return ", ".join(roles).replace("_", " ")


def _role_style(roles: Sequence[str], position: int) -> tuple[Colour, Marker]:
    if "baseline" in roles:
        return "ink", "diamond"
    return ("chosen", "circle") if "chosen" in roles else style_of(position)


def _papers(published: Sequence[Figure], pair: Pair) -> Iterator[Points]:
    for found in published:
        if set(pair) <= found.means.keys():
            across, up = (found.means[name] for name in pair)
            told = [f"{found.method} as published ({found.table}): {label(pair[1])} {up:.4f}, {label(pair[0])} {across:.4f}"]
            yield Points([across], [up], "muted", "cross", filled=False, label=f"{found.method}, published", told=told)


def _why_nothing(summary: Summary, pair: Pair, confirmed: bool) -> str:
    if confirmed:
        missing = " or ".join(label(name) for name in pair if name != "accuracy")
        return f"{missing} is not defined for any"
    return "nothing to confirm" if summary.complete else "not confirmed yet"


def _is_defined(confirmed: Confirmed, pair: Pair) -> bool:
    return all(math.isfinite(confirmed.score(name).mean) for name in pair)


def _means(confirmed: Confirmed, pair: Pair) -> str:
    return ", ".join(f"{label(name)} {confirmed.score(name).mean:.4f}" for name in reversed(pair))


def _scores(scored: Baseline | Trial | Chosen, pair: Pair) -> str:
    return ", ".join(f"{label(name)} {scored.score(name):.4f}" for name in reversed(pair))


def _xy(scored: Sequence[Baseline | Trial | Chosen], pair: Pair) -> tuple[list[float], list[float]]:
    across, up = pair
    return [one.score(across) for one in scored], [one.score(up) for one in scored]


def _trial_table(summary: Summary, pair: Pair) -> pd.DataFrame:
    on_front = set(summary.front)
    rows = [
        {"trial": trial.number, "method": trial.method, **{name: trial.score(name) for name in reversed(pair)}}
        | {"feasible": trial.feasible, "front": trial.number in on_front}
        | band_ends(summary, trial.number, pair)
        for trial in summary.trials
        if trial.val is not None and trial.state == "complete"
    ]
    return pd.DataFrame(rows)


def _test_table(summary: Summary, pair: Pair, published: Sequence[Figure]) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for roles, confirmed in summary.confirmed_settings():
        row: dict[str, object] = {"setting": ", ".join(roles), "trial": confirmed.number, "seeds": len(confirmed.seeds)}
        for name in reversed(pair):
            found = confirmed.score(name)
            row |= {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
        rows.append(row)
    for one in summary.untrained:
        row = {"setting": one.title, "seeds": len(one.seeds)}
        for name in reversed(pair):
            if (interval := one.test.get(name)) is not None:
                row |= {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
        rows.append(row)
    rows += [{"setting": f"{found.method}, published in {found.table}", **found.means} for found in published]
    return pd.DataFrame(rows)
