"""The outcome of a search as MLflow shows it beside its scores."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fairtune.metrics import SCORES, Interval, label
from fairtune.space import Value
from fairtune.study.summary import Chosen, Summary


def note(summary: Summary) -> str:
    """A few lines of Markdown: what was chosen, and a table of what was confirmed."""
    shown = dict.fromkeys(("accuracy", *summary.objectives, "deo_m"))
    lines = [
        f"{summary.outcome[0].upper()}{summary.outcome[1:]}.",
        "",
        *([] if summary.chosen is None else [_choice(summary.chosen), ""]),
        f"| confirmed on test | {' | '.join(map(label, shown))} |",
        "|---" * (1 + len(shown)) + "|",
    ]
    for role, confirmed in summary.confirmed.items():
        cells = [_cell(confirmed.score(name)) for name in shown]
        lines.append(f"| {role.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def scores_of(summary: Summary) -> dict[str, float]:
    """What is measured of a search as a whole."""
    cost = {"wall_s": summary.cost.wall_s, "trial_s": summary.cost.trial_s, "epochs": summary.cost.epochs}
    confirmed = {
        f"{role}/test/{name}": interval.mean for role, part in summary.confirmed.items() for name, interval in part.test.items()
    }
    return {"hypervolume": summary.hypervolume, **cost, **confirmed}


def front_table(summary: Summary) -> dict[str, Sequence[Value | bool | None]]:
    """The trials on the front, column by column; a score that is not defined is None."""
    on_front = [trial for trial in summary.trials if trial.number in summary.front]
    names = sorted({name for trial in on_front for name in trial.params})
    scores = {score: [trial.score(score) for trial in on_front] for score in SCORES if score in (on_front[0].val or {})}
    return {
        "trial": [trial.number for trial in on_front],
        "method": [trial.method for trial in on_front],
        **{name: [trial.params.get(name) for trial in on_front] for name in names},
        **{name: [score if math.isfinite(score) else None for score in column] for name, column in scores.items()},
    }


def _choice(chosen: Chosen) -> str:
    setting = [
        f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}" for name, value in chosen.params.items()
    ]
    return f"Chosen: **trial {chosen.number}**, {chosen.method} {', '.join(setting)}".rstrip()


def _cell(score: Interval) -> str:
    if math.isnan(score.mean):
        return "-"
    return f"{score.mean:.4f}" + ("" if math.isnan(score.std) else f" ± {score.std:.4f}")
