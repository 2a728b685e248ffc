"""Another rule applied to a search that has been run: what it would have chosen."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from fairtune.metrics import label
from fairtune.report.formats import format_mean, format_score, format_setting
from fairtune.rules import View, objectives_of
from fairtune.study.applied import chosen_by, seen_by, why_none
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.retrained import retrainings_of
from fairtune.study.study import SearchStudy
from fairtune.study.summary import Retrainings, Summary, scored_on_test, summarise
from fairtune.study.verdict import advice


def choose(folder: Path, select: str, console: Console) -> View | None:
    """Apply a rule to the trials of a search, and print what it chooses beside the search's own choice and the baseline.

    The search keeps its choice, and the test split is not opened: of what was retrained for another role or by an audit the test
    scores are shown.

    Args:
        folder: of the run.
        select: the rule's name.
        console: where to print.

    Returns:
        The trial that the rule chooses; None if no trial is feasible.

    Raises:
        InvalidInput: the folder holds no search, none of its trials has completed, there is no such rule, or it judges by a score
            that the search did not record.
    """
    spec, place = RunFolder(folder).load()
    study = SearchStudy(database_of(place), spec)
    summary = summarise(spec, place, study)
    chosen = chosen_by(select, study, summary)
    if chosen is None:
        console.print(f"by {select} nothing is chosen: {why_none(select, study, summary)}", style="bold", soft_wrap=True)
        console.print(f"what may help: {advice(summary, seen_by(select, study)[0])}", soft_wrap=True)
    else:
        console.print(_said(select, chosen, summary), style="bold", soft_wrap=True)
    console.print(_table(select, chosen, summary, retrainings_of(spec, study)))
    return chosen


def _said(select: str, chosen: View, summary: Summary) -> str:
    own = summary.chosen is not None and summary.chosen.number == chosen.number
    beside = f", as by {summary.spec.select}, the search's own rule" if own else ""
    return f"by {select}: trial {chosen.number}, {_setting(chosen.number, summary)}{beside}"


def _setting(number: int, summary: Summary) -> str:
    trial = summary.trials[number]
    return format_setting(trial.method, trial.params)


def _table(select: str, chosen: View | None, summary: Summary, retrained: Retrainings) -> Table:
    """The baseline, the search's own choice and this one: scores on validation, and on test where they were retrained."""
    shown = list(dict.fromkeys((*summary.shown, *objectives_of(select))))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "trial", "split", *map(label, shown)):
        table.add_column(title, no_wrap=True)
    own = None if summary.chosen is None else summary.chosen.number
    rows = {"baseline": None, f"chosen by {summary.spec.select}": own, f"chosen by {select}": chosen.number if chosen else None}
    for name, number in rows.items():
        if number is None and name != "baseline":
            continue
        scored = summary.baseline if number is None else summary.trials[number]
        trial = "" if number is None else str(number)
        table.add_row(name, trial, "validation", *(format_score(scored.score(score)) for score in shown))
        confirmed = scored_on_test(retrained.get(scored.id or "", {}), shown)
        if confirmed.test:
            table.add_row("", "", "test", *(format_mean(confirmed.score(score)) for score in shown))
    return table
