"""All that one table of predictions tells: every score with its limits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fairtune.metrics._limits import Limits
from fairtune.metrics._redrawn import redraw_margins, redraw_predictions
from fairtune.metrics._score import Score
from fairtune.records import GroupCounts


class Told(NamedTuple):
    """A score on a table.

    Attributes:
        value: as published.
        limits: 95 % limits of the true score, and the estimate without most of the bias of a maximum.
    """

    value: float
    limits: Limits


def account(rates: GroupCounts, counts: GroupCounts, scores: Iterable[Score]) -> dict[str, Told]:
    """Of some scores all that the classes predicted tell and, where there are margins, the margins; by name.

    Args:
        rates: the table that they are scores of.
        counts: the same for their limits; another one in size where samples have weights.
        scores: which.
    """
    return {score.name: Told(score.of(rates), score.within(counts)) for score in scores if _is_told(score, rates)}


def _is_told(score: Score, counts: GroupCounts) -> bool:
    if score.compute is None or (score.two_classes and counts.hard.shape[1] != 2):
        return False
    return score.redraw is redraw_predictions or (score.redraw is redraw_margins and counts.margins is not None)
