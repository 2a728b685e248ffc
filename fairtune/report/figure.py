"""The front as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fairtune.metrics import Interval, label
from fairtune.study.summary import Baseline, Chosen, Summary, Trial

INK, MUTED, BLUE, RED, GREEN = "#1b2733", "#9aa7b4", "#2566c8", "#c8452d", "#178a5b"


def draw_front(summary: Summary) -> Figure:
    """Two panels: trials on validation with floor and front, and what the confirmation found on test."""
    figure = Figure(figsize=(10.5, 4.4), layout="constrained", dpi=130)
    left, right = figure.subplots(1, 2)
    _validation(left, summary)
    _test(right, summary)
    return figure


def _validation(axes: Axes, summary: Summary) -> None:
    scored = [trial for trial in summary.trials if trial.val is not None and trial.state == "complete"]
    for trials, colour, verdict in (
        ([trial for trial in scored if not trial.feasible], MUTED, "below the floor"),
        ([trial for trial in scored if trial.feasible], BLUE, "feasible"),
    ):
        if trials:
            axes.scatter(*_xy(trials, summary.fairness), s=26, color=colour, label=verdict, zorder=2, alpha=0.85, linewidths=0)
    on_front = [trial for number in summary.front for trial in scored if trial.number == number]
    axes.step(*_xy(on_front, summary.fairness), where="post", color=BLUE, lw=1.2, alpha=0.6, label="front", zorder=1)
    axes.axhline(summary.floor, color=RED, lw=1, ls="--", label=f"floor {summary.floor:.3f}")
    axes.plot(*_xy([summary.baseline], summary.fairness), "D", color=INK, ms=7, label="baseline")
    if summary.chosen is not None:
        chosen = summary.chosen
        axes.plot(
            *_xy([chosen], summary.fairness),
            "o",
            ms=13,
            mfc="none",
            mec=GREEN,
            mew=2,
            label=f"chosen (#{chosen.number})",
        )
    axes.set_title("trials, validation split", loc="left", color=INK)
    _finish(axes, summary.fairness)


def _test(axes: Axes, summary: Summary) -> None:
    styles = {"baseline": ("D", INK), "chosen": ("o", GREEN), "most_accurate": ("^", BLUE), "fairest": ("v", MUTED)}
    settings = summary.confirmed_settings()
    drawn = [(roles, confirmed) for roles, confirmed in settings if math.isfinite(confirmed.score(summary.fairness).mean)]
    for roles, confirmed in drawn:
        marker, colour = styles[roles[0]]
        x, y = confirmed.score(summary.fairness), confirmed.score("accuracy")
        axes.errorbar(
            x.mean,
            y.mean,
            xerr=_reach(x),
            yerr=_reach(y),
            fmt=marker,
            ms=8,
            color=colour,
            capsize=3,
            lw=1.2,
            label=f"{', '.join(roles).replace('_', ' ')}: mean of {len(confirmed.seeds)} seeds",
        )
        axes.scatter(x.values, y.values, s=10, color=colour, alpha=0.5, linewidths=0)
    axes.set_title("confirmed, test split (95 % intervals)", loc="left", color=INK)
    if not drawn:
        reason = f"{label(summary.fairness)} is not defined for any" if settings else "not confirmed yet"
        axes.text(0.5, 0.5, reason, ha="center", va="center", transform=axes.transAxes, color=MUTED)
        return
    _finish(axes, summary.fairness)


def _finish(axes: Axes, fairness: str) -> None:
    axes.set_xlabel(f"{label(fairness)} (lower is fairer)")
    axes.set_ylabel("accuracy")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)


def _reach(score: Interval) -> list[list[float]]:
    """How far an interval reaches to both sides of its mean; not at all where it has no ends."""
    return [[max(0.0, reach) if math.isfinite(reach) else 0.0] for reach in (score.mean - score.low, score.high - score.mean)]


def _xy(scored: Sequence[Baseline | Trial | Chosen], fairness: str) -> tuple[list[float], list[float]]:
    return [one.score(fairness) for one in scored], [one.score("accuracy") for one in scored]
