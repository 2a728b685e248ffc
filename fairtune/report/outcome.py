"""What came of a search, on the terminal: the outcome, the front, what was confirmed, and where things are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from fairtune.metrics import SCORES, Interval, label
from fairtune.report.band import tell_rectangle
from fairtune.report.formats import (
    CHANCES,
    COVERED,
    SPREAD,
    describe_intervals,
    format_chances,
    format_mean,
    format_score,
    format_setting,
    format_spread,
)
from fairtune.study.folders import RunFolder
from fairtune.study.handed import Handed
from fairtune.study.summary import Summary, Trial


def print_outcome(console: Console, summary: Summary) -> None:
    """What came of it in a sentence, the front, the confirmed settings, and the paths."""
    console.print()
    console.print(summary.outcome, style="bold" if summary.gained else "bold yellow", soft_wrap=True)
    console.print()
    console.print(_front_table(summary))
    if summary.chosen is not None and (at_once := tell_rectangle(summary, summary.chosen.number)) is not None:
        console.print(f"trial {summary.chosen.number}, {at_once}", soft_wrap=True)
    if summary.confirmed:
        console.print(_confirmed_table(summary))
    if summary.untrained:
        console.print(_untrained_table(summary))
    for remark in summary.remarks:
        console.print(remark, style="yellow", soft_wrap=True)
    if summary.chosen is not None:
        chosen = summary.chosen
        console.print(f"chosen: trial {chosen.number}, {format_setting(chosen.method, chosen.params)}", style="bold")
    if summary.handed is not None:
        console.print(_handed(summary.handed, summary.shown), soft_wrap=True)
    folder = RunFolder.of(summary.place)
    for name, path in (("report", folder.page), ("summary", folder.summary), ("model", folder.chosen.weights)):
        if path.exists():
            console.print(f"{name:8} {path}", soft_wrap=True)
    console.print(f"browse   fairtune ui {folder.path}", soft_wrap=True)


def _handed(handed: Handed, shown: Sequence[str]) -> str:
    """Which net is handed over, why that, and what it scored itself."""
    tested = ", ".join(f"{label(name)} {format_score(handed.score(name).mean)}" for name in shown if name in handed.test)
    scored = f"; it has {tested} on test" if tested else "; its test scores are not known"
    return f"handed over: {handed.job}, {handed.why}{scored}"


def _front_table(summary: Summary) -> Table:
    title = f"front (validation); hypervolume {format_score(summary.hypervolume)} {COVERED}"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    columns = (*summary.shown, *summary.estimates)
    titles = [label(name) for name in columns]
    titles += CHANCES
    if any(trial.intervals for trial in summary.trials):
        table.caption, table.caption_justify = f"{SPREAD} true score", "left"
    for title in ("trial", "setting", *titles, ""):
        table.add_column(title, justify="right" if title in titles else "left")
    table.add_row("", "baseline", *(format_score(summary.baseline.score(name)) for name in columns), "", "", "")
    numbered = {trial.number: trial for trial in summary.trials}
    for number in summary.front:
        trial = numbered[number]
        remark = "chosen" if summary.chosen and summary.chosen.number == number else ""
        scores = [_on_validation(trial, name) for name in columns]
        scores += format_chances(summary.chance(number))
        table.add_row(f"#{number}", format_setting(trial.method, trial.params), *scores, remark)
    return table


def _on_validation(trial: Trial, name: str) -> str:
    """A score, and under it what a trial's seeds leave open of it."""
    found = trial.intervals.get(name)
    return format_score(trial.score(name)) if found is None else format_spread(found).replace(" [", "\n[")


def _confirmed_table(summary: Summary) -> Table:
    searched = [name for name in summary.objectives if name != "accuracy"]
    caption = f"95 % interval: {describe_intervals(searched)}"
    table = Table(title="confirmed (test)", caption=caption, box=None, pad_edge=False, header_style="bold")
    table.title_justify = table.caption_justify = "left"
    titles = [title for name in summary.shown for title in ([label(name), *_beside(name)] if name in searched else [label(name)])]
    for title in ("setting", "seeds", *titles):
        table.add_column(title, no_wrap=title != "setting")
    for roles, confirmed in summary.confirmed_settings():
        setting = ", ".join(roles).replace("_", " ") + ("" if confirmed.number is None else f" (#{confirmed.number})")
        if not confirmed.test:
            table.add_row(setting, "all seeds failed")
            continue
        scores = [(name, confirmed.score(name)) for name in summary.shown]
        cells = [
            cell
            for name, score in scores
            for cell in ([_mean(score), *_spans(name, score)] if name in searched else [_mean(score)])
        ]
        seeds = f"{len(confirmed.seeds)}" + (f" ({len(confirmed.failed_seeds)} failed)" if confirmed.failed_seeds else "")
        table.add_row(setting, seeds, *cells)
    return table


def _untrained_table(summary: Summary) -> Table:
    """What moved thresholds bring without training."""
    table = Table(title="thresholds moved, no training (test)", title_justify="left", box=None, pad_edge=False, header_style="bold")
    names = [name for name in summary.shown if any(name in one.test for one in summary.untrained)]
    for title in ("setting", "seeds", *(label(name) for name in names)):
        table.add_column(title, no_wrap=title != "setting")
    for one in summary.untrained:
        if one.weight is None:
            table.add_row(one.title, one.error or "none of its points reaches the floor")
            continue
        alike = ": calls every test sample the same" * one.collapsed
        table.add_row(f"{one.title}{alike}", f"{len(one.seeds)}", *(_mean(one.test[name]) for name in names))
    return table


def _mean(score: Interval) -> str:
    return format_mean(score) if math.isfinite(score.mean) else "-"


def _beside(name: str) -> list[str]:
    """The titles of what stands beside a score that is searched for."""
    return ["corrected", "95 % interval"] if SCORES[name].interval != "Student" and SCORES[name].gap else ["95 % interval"]


def _spans(name: str, score: Interval) -> list[str]:
    span = f"{score.low:.3f} to {score.high:.3f}" if math.isfinite(score.low) else "-"
    return [format_score(score.estimate), span][-len(_beside(name)) :]
