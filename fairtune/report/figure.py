"""The front as a picture."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fairtune.metrics import label
from fairtune.report.summary import Summary, Trial

INK, MUTED, BLUE, RED, GREEN = "#1b2733", "#9aa7b4", "#2566c8", "#c8452d", "#178a5b"


def draw_front(summary: Summary, path: Path) -> None:
    """Two panels: trials on validation with floor and front, and what the confirmation found on test."""
    figure = Figure(figsize=(10.5, 4.4), layout="constrained", dpi=130)
    left, right = figure.subplots(1, 2)
    _validation(left, summary)
    _test(right, summary)
    figure.savefig(path)


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
    axes.plot(summary.baseline.val[summary.fairness], summary.baseline.val["accuracy"], "D", color=INK, ms=7, label="baseline")
    if summary.chosen is not None:
        chosen = summary.chosen
        axes.plot(
            chosen.val[summary.fairness],
            chosen.val["accuracy"],
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
    drawn = [(roles, confirmed) for roles, confirmed in summary.confirmed_settings() if confirmed.test]
    for roles, confirmed in drawn:
        marker, colour = styles[roles[0]]
        x, y = confirmed.test[summary.fairness], confirmed.test["accuracy"]
        axes.errorbar(
            x.mean,
            y.mean,
            xerr=[[max(0, x.mean - x.low)], [max(0, x.high - x.mean)]],
            yerr=[[max(0, y.mean - y.low)], [max(0, y.high - y.mean)]],
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
        axes.text(0.5, 0.5, "not confirmed yet", ha="center", va="center", transform=axes.transAxes, color=MUTED)
        return
    _finish(axes, summary.fairness)


def _finish(axes: Axes, fairness: str) -> None:
    axes.set_xlabel(f"{label(fairness)} (lower is fairer)")
    axes.set_ylabel("accuracy")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)


def _xy(trials: list[Trial], fairness: str) -> tuple[list[float], list[float]]:
    return [trial.val[fairness] for trial in trials if trial.val], [trial.val["accuracy"] for trial in trials if trial.val]
