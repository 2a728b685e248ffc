"""The confirmed settings as a table for a paper, with arrows against the baseline."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from fairtune.metrics import SCORES, Interval, label
from fairtune.names import counted
from fairtune.report.formats import format_params
from fairtune.study.choice import BASELINE
from fairtune.study.summary import Confirmed, Summary
from fairtune.study.teacher import baseline_teaches

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
    """Test scores in percent, mean and standard deviation over seeds, with an arrow where they are above or below the baseline's.

    The baseline is called teacher where it is that of all methods. An arrow says which way a score went, not that it surely did;
    the best of each column is bold. A row says on how many seeds it was confirmed, if they are not as many as asked for.

    Args:
        summary: of a search.
        kind: of text.

    Returns:
        The table, or a sentence where nothing was confirmed.
    """
    rows = _rows(summary)
    if not any(confirmed.test for confirmed in summary.confirmed.values()):
        return "nothing was confirmed on the test split: there is no table"
    titles = [label(name) + (" (↑)" if SCORES[name].better == "higher" else " (↓)") for name in summary.shown]
    if kind == "latex":
        titles = [_escaped(title).replace("↑", r"$\uparrow$").replace("↓", r"$\downarrow$") for title in titles]
    cells = [[_name(row.name, kind), *_cells(summary, rows, row, kind)] for row in rows]
    return _latex(["setting", *titles], cells, summary) if kind == "latex" else _markdown(["setting", *titles], cells)


def _rows(summary: Summary) -> list[_Row]:
    return [
        _Row(_setting(summary, roles, confirmed), [confirmed.score(name) for name in summary.shown])
        for roles, confirmed in summary.confirmed_settings()
    ]


def _setting(summary: Summary, roles: Sequence[str], confirmed: Confirmed) -> str:
    asked = summary.spec.final_seeds
    seeds = "" if len(confirmed.seeds) >= asked else f", {len(confirmed.seeds)} of {counted(asked, 'seed')}"
    if confirmed.number is None:
        return f"{'teacher' if baseline_teaches(summary.spec) else 'baseline'}{seeds}"
    trial = summary.trials[confirmed.number]
    setting = f", {format_params(trial.params)}" if trial.params else ""
    return f"{trial.method}{setting} ({', '.join(roles).replace('_', ' ')}){seeds}"


def _cells(summary: Summary, rows: Sequence[_Row], row: _Row, kind: Format) -> list[str]:
    signs, baseline = _SIGNS[kind], summary.confirmed.get(BASELINE)
    cells = []
    for column, name in enumerate(summary.shown):
        score, plain = row.scores[column], math.nan if baseline is None else baseline.score(name).mean
        said = _percent(score, name, signs["±"])
        costs = [SCORES[name].cost(other.scores[column].mean) for other in rows]
        if SCORES[name].cost(score.mean) == min(filter(math.isfinite, costs), default=math.nan):
            said = signs["best"] % said
        if math.isfinite(score.mean - plain) and score.mean != plain:
            said += signs["up" if score.mean > plain else "down"]
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
    seeds = f"{counted(summary.spec.final_seeds, 'seed')} where a row says no other"
    lines = [
        f"% {summary.name}: test split, in percent what ends at 1, {seeds}; needs \\usepackage{{booktabs}}",
        rf"\begin{{tabular}}{{l{'r' * (len(titles) - 1)}}}",
        r"\toprule",
        rf"{' & '.join(titles)} \\",
        r"\midrule",
        *(rf"{' & '.join(row)} \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines)
