"""The scores that every trial reports, and which way each is better: the one table of it."""

from __future__ import annotations

from typing import Literal

from fairtune.metrics._accuracy import Weighting, accuracy, worst_cell_accuracy
from fairtune.metrics._deo import deo_a, deo_m
from fairtune.records import GroupCounts

BETTER: dict[str, Literal["higher", "lower"]] = {
    "accuracy": "higher",
    "sample_accuracy": "higher",
    "worst_cell_accuracy": "higher",
    "deo_m": "lower",
    "deo_a": "lower",
    "loss": "lower",
}


def scores(counts: GroupCounts, *, weighting: Weighting = "samples") -> dict[str, float]:
    """All standard scores of a split.

    Args:
        counts: the group counts of the split.
        weighting: how ``accuracy`` weighs (see :func:`fairtune.metrics.accuracy`): ``cells`` where the test split is balanced
            over cells but the split scored here is not, so that both estimate the same quantity. ``sample_accuracy`` always
            counts every sample alike.
    """
    return {
        "accuracy": accuracy(counts, weighting=weighting),
        "sample_accuracy": accuracy(counts, weighting="samples"),
        "worst_cell_accuracy": worst_cell_accuracy(counts),
        "deo_m": deo_m(counts),
        "deo_a": deo_a(counts),
    }
