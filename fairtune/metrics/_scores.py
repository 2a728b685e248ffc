"""The scores that trials report: which way each is better, how far it reaches, how its interval is made. The one table of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from fairtune.metrics._accuracy import accuracy, balanced_accuracy, worst_cell_accuracy, worst_group_accuracy
from fairtune.metrics._auc import auc
from fairtune.metrics._deo import deo_a, deo_m
from fairtune.metrics._interval import Interval, interval, interval_over_models, redraw_margins, redraw_predictions
from fairtune.metrics._iou import sigma_iou
from fairtune.metrics._odds import equal_opportunity, equalized_odds
from fairtune.metrics._parity import demographic_parity
from fairtune.metrics._weighting import Weighting
from fairtune.records import GroupCounts


class Score(NamedTuple):
    """What is known of a score; the least value of every one is 0.

    Attributes:
        better: which way.
        most: its largest value, or infinity.
        of_counts: the function of group counts that it is; None if it is no function of them.
        redraw: draws the table anew of which it is a function.
    """

    better: Literal["higher", "lower"]
    most: float = 1.0
    of_counts: Callable[[GroupCounts], float] | None = None
    redraw: Callable[[GroupCounts, np.random.Generator], GroupCounts] = redraw_predictions

    @property
    def interval(self) -> Literal["bootstrap", "Student"]:
        """How its interval is made: see :func:`interval` and :func:`interval_over_models`."""
        return "Student" if self.of_counts is None else "bootstrap"

    def over(self, models: Sequence[GroupCounts], values: Sequence[float]) -> Interval:
        """Its mean and interval over retrained models, from the group counts and the score of each."""
        if self.of_counts is None:
            return interval_over_models(values, bounds=(0.0, self.most))
        return interval(models, self.of_counts, values=values, redraw=self.redraw)


SCORES: dict[str, Score] = {
    "accuracy": Score("higher", of_counts=accuracy),
    "sample_accuracy": Score("higher", of_counts=accuracy),
    "balanced_accuracy": Score("higher", of_counts=balanced_accuracy),
    "worst_group_accuracy": Score("higher", of_counts=worst_group_accuracy),
    "worst_cell_accuracy": Score("higher", of_counts=worst_cell_accuracy),
    "deo_m": Score("lower", of_counts=deo_m),
    "deo_a": Score("lower", of_counts=deo_a),
    "equalized_odds": Score("lower", of_counts=equalized_odds),
    "equal_opportunity": Score("lower", of_counts=equal_opportunity),
    "demographic_parity": Score("lower", of_counts=demographic_parity),
    "sigma_iou": Score("lower", of_counts=sigma_iou),
    "auc": Score("higher", of_counts=auc, redraw=redraw_margins),
    "loss": Score("lower", most=math.inf),
    "mutual_information": Score("lower", most=math.inf),
    "private_accuracy": Score("lower"),
    "private_auc": Score("lower"),
}
"""Those of :func:`scores`, AUC, the loss, and those of :func:`fairtune.training.probe.probe`, in the order of tables."""

PROBED = ("mutual_information", "private_accuracy", "private_auc")
"""The scores of :func:`fairtune.training.probe.probe`: what a net's embedding says about the group. No function of group counts."""

GAPS: dict[str, Callable[[GroupCounts], float]] = {
    score.__name__: score for score in (deo_m, deo_a, equalized_odds, equal_opportunity, demographic_parity, sigma_iou)
}
"""The scores that are 0 where all groups are treated alike and grow to 1 at most: what can be weighed against accuracy."""

_PUBLISHED_NAMES = {"deo_m": "DEO_M", "deo_a": "DEO_A", "sigma_iou": "sigma_IOU"}


def label(score: str) -> str:
    """A score's name for people."""
    return _PUBLISHED_NAMES.get(score, score.replace("_", " "))


def scores(counts: GroupCounts, *, weighting: Weighting = "samples") -> dict[str, float]:
    """All standard scores of a split; ``equal_opportunity`` only where there are two classes, the second of them positive.

    Args:
        counts: the group counts of the split.
        weighting: how each score that mixes cells weighs them (see :func:`fairtune.metrics.accuracy`): ``cells`` where the test
            split is balanced over cells but the split scored here is not, so that both estimate the same quantity.
            ``sample_accuracy`` always counts every sample alike.
    """
    found = {
        "accuracy": accuracy(counts, weighting=weighting),
        "sample_accuracy": accuracy(counts, weighting="samples"),
        "balanced_accuracy": balanced_accuracy(counts, weighting=weighting),
        "worst_group_accuracy": worst_group_accuracy(counts, weighting=weighting),
        "worst_cell_accuracy": worst_cell_accuracy(counts),
        "deo_m": deo_m(counts),
        "deo_a": deo_a(counts),
        "equalized_odds": equalized_odds(counts),
        "demographic_parity": demographic_parity(counts, weighting=weighting),
        "sigma_iou": sigma_iou(counts, weighting=weighting),
    }
    if counts.hard.shape[1] == 2:
        found["equal_opportunity"] = equal_opportunity(counts)
    return found
