"""The scores that every trial reports, and which way each is better: the one table of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from fairtune.metrics._accuracy import accuracy, balanced_accuracy, worst_cell_accuracy, worst_group_accuracy
from fairtune.metrics._deo import deo_a, deo_m
from fairtune.metrics._iou import sigma_iou
from fairtune.metrics._odds import equal_opportunity, equalized_odds
from fairtune.metrics._parity import demographic_parity
from fairtune.metrics._weighting import Weighting
from fairtune.records import GroupCounts

BETTER: dict[str, Literal["higher", "lower"]] = {
    "accuracy": "higher",
    "sample_accuracy": "higher",
    "balanced_accuracy": "higher",
    "worst_group_accuracy": "higher",
    "worst_cell_accuracy": "higher",
    "deo_m": "lower",
    "deo_a": "lower",
    "equalized_odds": "lower",
    "equal_opportunity": "lower",
    "demographic_parity": "lower",
    "sigma_iou": "lower",
    "auc": "higher",
    "loss": "lower",
    "mutual_information": "lower",
    "private_accuracy": "lower",
    "private_auc": "lower",
}
"""Those of :func:`scores`, the loss, and those of :func:`fairtune.probe.probe`, in the order of tables."""

PROBED = ("mutual_information", "private_accuracy", "private_auc")
"""The scores of :func:`fairtune.probe.probe`: what a net's embedding says about the group. They are no function of group counts."""

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
