"""How scores, settings and errors are written, in reports and on terminals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from fairtune.metrics import SCORES, Interval, label
from fairtune.names import shortened
from fairtune.study.chances import Chance


def format_params(params: Mapping[str, object]) -> str:
    """Searched values in one line, a component's prefix left out unless two have a value of that name."""
    short = shortened(list(params))
    return ", ".join(f"{short[name]} {format_value(value)}" for name, value in params.items()) or "-"


def format_setting(method: str, params: Mapping[str, object]) -> str:
    """A method with its searched values; alone where it has none."""
    return f"{method} {format_params(params)}" if params else method


def format_value(value: object) -> str:
    """A value, numbers in four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def format_score(value: float) -> str:
    """A score in four decimals, a dash where it is not defined."""
    return f"{value:.4f}" if math.isfinite(value) else "-"


COVERED = "of all feasible trials as measured"
"""What a hypervolume is of, in words: whatever a front is compared by."""

CHANCES = ("reaches floor", "dominates")
"""Titles of what :func:`format_chances` gives."""


def format_chances(chance: Chance) -> list[str]:
    """How likely a trial's net truly reaches the floor, and truly dominates the baseline."""
    return [format_chance(chance.feasible), format_chance(chance.dominates)]


def format_chance(chance: float) -> str:
    """A probability in per cent, never as sure; a dash where it is not known."""
    if not math.isfinite(chance):
        return "-"
    return "> 99 %" if chance > 0.99 else "< 1 %" if chance < 0.01 else f"{100 * chance:.0f} %"


def format_mean(score: Interval) -> str:
    """A mean over seeds with its standard deviation, which a single seed has not."""
    if math.isnan(score.std):
        return format_score(score.mean)
    return f"{format_score(score.mean)} ± {format_score(score.std)}"


def format_spread(score: Interval) -> str:
    """A mean over seeds with its standard deviation, and its interval."""
    return f"{format_mean(score)} [{format_score(score.low)}, {format_score(score.high)}]"


def is_corrected(score: Interval) -> bool:
    """Whether a score has an estimate that differs from its mean in what is shown of both: it is biased as published."""
    return math.isfinite(score.estimate) and format_score(score.estimate) != format_score(score.mean)


SPREAD = (
    "of a trial with several seeds the mean ± standard deviation over them, and in brackets the 95 % interval of one more net's"
)
"""What :func:`format_spread` gives for the front, in words."""


def describe_intervals(scores: Sequence[str]) -> str:
    """How the intervals of some scores are made."""
    made = {
        "test": "from the test samples, and by Student's t over the seeds where there are several",
        "redrawn": "by drawing predictions anew, and by Student's t over the seeds where there are several",
        "Student": "by Student's t over the seeds, none for a single one",
    }
    named = {how: [label(score) for score in scores if SCORES[score].interval == how] for how in made}
    return "; ".join(f"{', '.join(named[how])} {text}" for how, text in made.items() if named[how])


def format_infeasible(collapsed: bool) -> str:
    """Why a complete trial cannot be chosen.

    Args:
        collapsed: whether one of its nets gives all validation samples the same class.
    """
    return "gives one class to all" if collapsed else "below the floor"


def format_error(error: str) -> str:
    """The last line of an error: a sentence, or what a traceback ends in."""
    return error.strip().rpartition("\n")[2]
