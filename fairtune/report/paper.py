"""The confirmed settings as a table for a paper, with arrows against the teacher."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from fairtune.metrics import SCORES, Interval, label
from fairtune.report.formats import format_params
from fairtune.study.summary import Summary

Format = Literal["latex", "markdown"]
_SPECIAL = re.compile(r"([&%$#_{}])")
_SIGNS: dict[Format, dict[str, str]] = {
    "latex": {"up": r" $\uparrow$", "down": r" $\downarrow$", "±": r" $\pm$ ", "best": r"\textbf{%s}"},
    "markdown": {"up": " ↑", "down": " ↓", "±": " ± ", "best": "**%s**"},
}


class _Row(NamedTuple):
    """A setting with its test scores."""

    name: str
    scores: list[Interval]


def paper_table(summary: Summary, kind: Format) -> str:
    """Test scores in percent, mean and standard deviation over seeds, with an arrow where they are above or below the teacher's.

    The teacher is the baseline. An arrow says which way a score went, not that it surely did; the best of each column is bold.

    Args:
        summary: of a search.
        kind: of text.

    Returns:
        The table, or a sentence where nothing was confirmed.
    """
    rows = _rows(summary)
    if not rows:
        return "nothing was confirmed on the test split: there is no table"
    titles = [label(name) + (" (↑)" if SCORES[name].better == "higher" else " (↓)") for name in summary.shown]
    if kind == "latex":
        titles = [_escaped(title).replace("↑", r"$\uparrow$").replace("↓", r"$\downarrow$") for title in titles]
    cells = [[_name(row.name, kind), *_cells(summary, rows, row, kind)] for row in rows]
    return _latex(["setting", *titles], cells, summary) if kind == "latex" else _markdown(["setting", *titles], cells)


def _rows(summary: Summary) -> list[_Row]:
    rows = []
    for roles, confirmed in summary.confirmed_settings():
        if confirmed.test:
            rows.append(_Row(_setting(summary, roles, confirmed.number), [confirmed.score(name) for name in summary.shown]))
    return rows


def _setting(summary: Summary, roles: Sequence[str], number: int | None) -> str:
    if number is None:
        return "teacher"
    trial = summary.trials[number]
    setting = f", {format_params(trial.params)}" if trial.params else ""
    return f"{trial.method}{setting} ({', '.join(roles).replace('_', ' ')})"


def _cells(summary: Summary, rows: Sequence[_Row], row: _Row, kind: Format) -> list[str]:
    signs = _SIGNS[kind]
    cells = []
    for column, name in enumerate(summary.shown):
        score, teacher = row.scores[column], rows[0].scores[column]
        said = _percent(score, name, signs["±"])
        best = min((SCORES[name].cost(other.scores[column].mean) for other in rows), default=math.nan)
        if math.isfinite(score.mean) and SCORES[name].cost(score.mean) == best:
            said = signs["best"] % said
        if row is not rows[0] and math.isfinite(score.mean - teacher.mean) and score.mean != teacher.mean:
            said += signs["up" if score.mean > teacher.mean else "down"]
        cells.append(said)
    return cells


def _percent(score: Interval, name: str, between: str) -> str:
    """In percent where the score ends at 1, else as it is."""
    if not math.isfinite(score.mean):
        return "-"
    times, digits = (100, 2) if SCORES[name].high == 1 else (1, 4)
    mean = f"{times * score.mean:.{digits}f}"
    return mean if math.isnan(score.std) else f"{mean}{between}{times * score.std:.{digits}f}"


def _name(name: str, kind: Format) -> str:
    return _escaped(name) if kind == "latex" else name.replace("|", r"\|")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---", *["---:"] * (len(titles) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _latex(titles: Sequence[str], rows: Sequence[Sequence[str]], summary: Summary) -> str:
    seeds = summary.spec.final_seeds
    lines = [
        f"% {summary.name}: test split, percent, {seeds} seed{'s' * (seeds != 1)}; needs \\usepackage{{booktabs}}",
        rf"\begin{{tabular}}{{l{'r' * (len(titles) - 1)}}}",
        r"\toprule",
        rf"{' & '.join(titles)} \\",
        r"\midrule",
        *(rf"{' & '.join(row)} \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines)
