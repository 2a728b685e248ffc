"""A comparison of searches, for people."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from fairtune.metrics import UNDEFINED, label
from fairtune.report.confirmed import confirmed_on, format_floor, lacking
from fairtune.report.figure import INK
from fairtune.report.formats import COVERED, format_mean, format_score
from fairtune.report.spent import SPENT, SPENT_ON, format_spent
from fairtune.report.text_table import TextTable
from fairtune.report.told import Told
from fairtune.study.comparison import Comparison


def told(found: Comparison) -> Told:
    """A sentence for what can be told apart, and the tables."""
    score = label(found.score)
    apart = [f"{pair.one} and {pair.other}" for pair in found.pairs if pair.adjusted < 0.05]
    sentences = [
        f"in {score} on test these can be told apart: {', '.join(apart)}"
        if apart
        else f"in {score} on test no two of the searches can be told apart"
    ]
    if single := [f"{pair.one} and {pair.other}" for pair in found.pairs if pair.difference.seeds == 1]:
        sentences.append(f"one seed does not tell choices apart, two would: {', '.join(single)}")
    if short := [f"{one.name}: {said}" for one in found.searches if (said := lacking(one))]:
        sentences.append("; ".join(short))
    compared = [one for one in found.searches if one.seeds and not one.collapsed_seeds]
    if len({one.seeds for one in compared}) > 1:
        seeds = ", ".join(f"{one.name} {len(one.seeds)}" for one in compared)
        sentences.append(f"choices are not confirmed on the same seeds and compared on those that both have: seeds of {seeds}")
    if alike := [one.name for one in found.searches if one.collapsed_seeds]:
        sentences.append(
            f"some net of these choices calls every test sample the same: {', '.join(alike)}; they are in no difference"
        )
    if len({one.folds for one in found.searches}) > 1:
        folds = ", ".join(f"{one.name} {one.folds}" for one in found.searches)
        sentences.append(f"validation scores, fronts and hypervolumes are not of the same samples: validation folds of {folds}")
    if found.ranks is not None:
        ranks = ", ".join(f"{name} {rank:.2f}" for name, rank in sorted(found.ranks.mean.items(), key=lambda item: item[1]))
        tests = f"Friedman p = {found.ranks.p_value:.2g}, by Nemenyi ranks differ that are {found.ranks.critical:.2f} apart"
        only = "the seeds are no independent data, so that this holds for these data alone"
        sentences.append(f"mean ranks over {found.ranks.seeds} seeds: {ranks}; {tests}; {only}")
    return Told("Comparison", sentences, [_searches(found), *([_pairs(found)] if found.pairs else [])])


def _searches(found: Comparison) -> TextTable:
    shown = tuple(dict.fromkeys(("accuracy", "deo_m", found.score)))
    rows = [
        [
            one.name,
            one.methods,
            f"#{one.chosen}" if one.chosen is not None else "none" if one.complete else "none yet",
            confirmed_on(one) if one.chosen is not None else "-",
            *(format_mean(one.test.get(name, UNDEFINED)) for name in shown),
            str(len(one.front)),
            format_score(one.hypervolume),
            str(one.trials),
            *format_spent(one.cost),
            str(one.baseline.epochs),
        ]
        for one in found.searches
    ]
    titles = (
        "run",
        "methods",
        "chosen",
        "seeds",
        *(f"{label(name)} (test)" for name in shown),
        "on the joint front",
        "hypervolume",
        "trials",
        *SPENT,
        "epochs of the baseline",
    )
    above = f"above the highest floor, {format_floor(found.floor, found.searches)}, from the weakest baseline"
    note = f"front of validation, hypervolume {COVERED} there, {above}; {SPENT_ON}"
    return TextTable("searches", titles, rows, note)


def _pairs(found: Comparison) -> TextTable:
    rows = [
        [
            f"{pair.one} less {pair.other}",
            f"{pair.difference.mean:+.4f}",
            f"{pair.difference.low:+.3f} to {pair.difference.high:+.3f}" if math.isfinite(pair.difference.low) else "-",
            f"{pair.difference.p_value:.2g}",
            f"{pair.adjusted:.2g}" if math.isfinite(pair.adjusted) else "-",
            f"{pair.difference.seeds} seeds" + (" and their samples" if pair.difference.paired == "samples" else ""),
        ]
        for pair in found.pairs
    ]
    titles = ("choices", f"{label(found.score)} (test)", "95 % interval", "p", "p (Holm)", "paired")
    return TextTable("differences", titles, rows)


def draw_growth(found: Comparison) -> Figure:
    """Hypervolume against the seconds of the trials, a line for each search."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained", dpi=130)
    axes = figure.subplots()
    for one in found.searches:
        seconds, volumes = zip(*one.growth, strict=True) if one.growth else ((), ())
        axes.step(seconds, volumes, where="post", label=one.name, marker="o", markersize=3)
    axes.set_xlabel("seconds of the trials", color=INK)
    axes.set_ylabel("hypervolume (validation)", color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure
