"""What the weight of a method's loss does to fairness and accuracy (T. Hänel et al., ACCV 2022, figures 2 and 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from fairtune.metrics import SCORES, label
from fairtune.names import counted
from fairtune.report.chart import Axis, Chart, Level, Mark, Points
from fairtune.report.formats import format_score, format_value
from fairtune.report.front import named_axis

SCORED = ("sigma_iou", "accuracy")
"""What the papers draw the weight against."""


class Weighed(NamedTuple):
    """A training with some weight.

    Attributes:
        trial: its number.
        weight: of the method's loss.
        val: scores on the validation split.
    """

    trial: int
    weight: float
    val: Mapping[str, float]


def strength_charts(
    trials: Sequence[Weighed], weight: str, baseline: Mapping[str, float], scores: Sequence[str] = SCORED
) -> list[Chart]:
    """One for each score: it against the weight of each trial, those told apart that beat the baseline in all of the scores.

    Args:
        trials: complete ones.
        weight: what it is called.
        baseline: its scores on the validation split.
        scores: by name.
    """
    return [_chart(trials, weight, baseline, name, scores) for name in scores]


def _chart(trials: Sequence[Weighed], weight: str, baseline: Mapping[str, float], score: str, scores: Sequence[str]) -> Chart:
    better = [trial for trial in trials if _beats(trial.val, baseline, scores)]
    others = [trial for trial in trials if trial not in better]
    both = " and ".join(map(label, scores))
    marks: list[Mark] = [Level("y", baseline[score], f"baseline {format_score(baseline[score])}", "method0")]
    marks += [_points(others, weight, score, ""), _points(better, weight, score, f"better than the baseline in {both}")]
    weights = [trial.weight for trial in trials]
    alt = (
        f"{label(score)} on the validation split against {weight} of {counted(len(trials), 'trial')}, "
        f"from {format_value(min(weights))} to {format_value(max(weights))}; "
        f"{len(better)} of them are better than the baseline in {both}."
    )
    rows = [{"trial": trial.trial, weight: trial.weight, **{name: trial.val[name] for name in scores}} for trial in trials]
    axis = Axis(weight, log=all(value > 0 for value in weights))
    name = f"strength-{score.replace('_', '-')}"
    return Chart(name, f"{label(score)} against {weight}", axis, named_axis(score), marks, alt, pd.DataFrame(rows))


def _beats(val: Mapping[str, float], baseline: Mapping[str, float], scores: Sequence[str]) -> bool:
    return all(SCORES[name].cost(val[name]) < SCORES[name].cost(baseline[name]) for name in scores)


def _points(trials: Sequence[Weighed], weight: str, score: str, said: str) -> Points:
    """Those that are better are told by shape and colour alike."""
    xy = [trial.weight for trial in trials], [trial.val[score] for trial in trials]
    told = [f"trial {number}: {weight} {format_value(value)}, {label(score)} {val[score]:.4f}" for number, value, val in trials]
    if said:
        return Points(*xy, "method3", "diamond", label=said if trials else "", told=told)
    return Points(*xy, "muted", "circle", told=told)
