"""The front as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fairtune.metrics import SCORES, Interval, label
from fairtune.study.summary import Baseline, Chosen, Confirmed, Summary, Trial

Pair = tuple[str, str]
"""Two objectives: across, and up."""

INK, MUTED, BLUE, RED, GREEN = "#1b2733", "#9aa7b4", "#2566c8", "#c8452d", "#178a5b"
_ENDS = (("^", BLUE), ("v", MUTED), ("s", "#8a4fc8"), ("P", "#c88a1f"))


def draw_front(summary: Summary) -> Figure:
    """Trials on validation with floor and front, and what the confirmation found on test, side by side.

    A row for each objective after the first, against the first, which stands upright. One objective alone stands against accuracy,
    and accuracy alone against DEO_M.
    """
    upright, *others = _axes(summary.objectives)
    figure = Figure(figsize=(10.5, 4.4 * len(others)), layout="constrained", dpi=130)
    for (left, right), other in zip(figure.subplots(len(others), 2, squeeze=False), others, strict=True):
        _validation(left, summary, (other, upright))
        _test(right, summary, (other, upright))
    return figure


def _axes(objectives: Sequence[str]) -> Sequence[str]:
    return objectives if len(objectives) > 1 else tuple(dict.fromkeys(("accuracy", *objectives, "deo_m")))[:2]


def _validation(axes: Axes, summary: Summary, pair: Pair) -> None:
    scored = [trial for trial in summary.trials if trial.val is not None and trial.state == "complete"]
    for trials, colour, verdict in (
        ([trial for trial in scored if not trial.feasible], MUTED, "below the floor"),
        ([trial for trial in scored if trial.feasible], BLUE, "feasible"),
    ):
        if trials:
            axes.scatter(*_xy(trials, pair), s=26, color=colour, label=verdict, zorder=2, alpha=0.85, linewidths=0)
    on_front = [trial for number in summary.front for trial in scored if trial.number == number]
    points = _xy(on_front, pair)
    _front(axes, points, is_whole=len(summary.objectives) == 2 and all(along == sorted(along) for along in points))
    _floor(axes, summary.floor, pair)
    axes.plot(*_xy([summary.baseline], pair), "D", color=INK, ms=7, label="baseline")
    if summary.chosen is not None:
        named = f"chosen (#{summary.chosen.number})"
        axes.plot(*_xy([summary.chosen], pair), "o", ms=13, mfc="none", mec=GREEN, mew=2, label=named)
    axes.set_title("trials, validation split", loc="left", color=INK)
    _finish(axes, pair)


def _front(axes: Axes, xy: tuple[list[float], list[float]], *, is_whole: bool) -> None:
    """A staircase; its trials are marked where they make none: of more than two objectives, or ranked by an estimate of one."""
    if is_whole:
        axes.step(*xy, where="post", color=BLUE, lw=1.2, alpha=0.6, label="front", zorder=1)
    else:
        axes.plot(*xy, "s", ms=10, mfc="none", mec=BLUE, mew=1, alpha=0.6, label="front", zorder=1)


def _floor(axes: Axes, floor: float, pair: Pair) -> None:
    for name, draw in zip(pair, (axes.axvline, axes.axhline), strict=True):
        if name == "accuracy":
            draw(floor, color=RED, lw=1, ls="--", label=f"floor {floor:.3f}")


def _test(axes: Axes, summary: Summary, pair: Pair) -> None:
    settings = summary.confirmed_settings()
    styles = _styles(summary)
    drawn = [(roles, confirmed) for roles, confirmed in settings if _is_defined(confirmed, pair)]
    for roles, confirmed in drawn:
        marker, colour = styles[roles[0]]
        x, y = map(confirmed.score, pair)
        named = f"{', '.join(roles).replace('_', ' ')}: mean of {len(confirmed.seeds)} seed{'s' * (len(confirmed.seeds) != 1)}"
        axes.errorbar(
            x.mean, y.mean, xerr=_reach(x), yerr=_reach(y), fmt=marker, ms=8, color=colour, capsize=3, lw=1.2, label=named
        )
        axes.scatter(x.values, y.values, s=10, color=colour, alpha=0.5, linewidths=0)
    axes.set_title("confirmed, test split (95 % intervals)", loc="left", color=INK)
    if not drawn:
        missing = " or ".join(label(name) for name in pair if name != "accuracy")
        pending = "nothing to confirm" if summary.complete else "not confirmed yet"
        reason = f"{missing} is not defined for any" if settings else pending
        axes.text(0.5, 0.5, reason, ha="center", va="center", transform=axes.transAxes, color=MUTED)
        return
    _finish(axes, pair)


def _styles(summary: Summary) -> dict[str, tuple[str, str]]:
    """Marker and colour of each role."""
    fixed = {"baseline": ("D", INK), "chosen": ("o", GREEN)}
    return fixed | dict(zip((role for role in summary.confirmed if role not in fixed), cycle(_ENDS), strict=False))


def _is_defined(confirmed: Confirmed, pair: Pair) -> bool:
    return all(math.isfinite(confirmed.score(name).mean) for name in pair)


def _finish(axes: Axes, pair: Pair) -> None:
    across, up = map(_with_direction, pair)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)


def _with_direction(name: str) -> str:
    score = SCORES[name]
    return f"{score.label} ({score.better} is {'fairer' if score.gap else 'better'})"


def _reach(score: Interval) -> list[list[float]]:
    """How far an interval reaches to both sides of its mean; not at all where it has no ends."""
    return [[max(0.0, reach) if math.isfinite(reach) else 0.0] for reach in (score.mean - score.low, score.high - score.mean)]


def _xy(scored: Sequence[Baseline | Trial | Chosen], pair: Pair) -> tuple[list[float], list[float]]:
    across, up = pair
    return [one.score(across) for one in scored], [one.score(up) for one in scored]
