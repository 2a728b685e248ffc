"""The front that each way gives for one trained net."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np

from fairtune.errors import DataError
from fairtune.metrics import Weighting
from fairtune.records import GroupCounts
from fairtune.thresholds import drawn_thresholds, group_thresholds, shared_thresholds
from fairtune.thresholds._scored import Adjustment, Scored

WEIGHTS = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Of DEO_M against accuracy: the points of a front."""
FOLDS = 4


class Way(NamedTuple):
    """A way to move decisions.

    Attributes:
        fit: the adjustments for some weights of DEO_M.
        needs_group: whether the group has to be known at prediction.
        draws: whether lots are drawn.
        said: what it is, in a few words.
    """

    fit: Callable[[Scored, Sequence[float], Weighting], list[Adjustment]]
    needs_group: bool
    draws: bool
    said: str


WAYS = {
    "shared_thresholds": Way(shared_thresholds.fit, needs_group=False, draws=False, said="the group is inferred"),
    "group_thresholds": Way(group_thresholds.fit, needs_group=True, draws=False, said="the group must be known at prediction"),
    "drawn_thresholds": Way(
        drawn_thresholds.fit, needs_group=True, draws=True, said="the group must be known at prediction, and lots are drawn"
    ),
}


class Offered(NamedTuple):
    """One point of a front.

    Attributes:
        way: by which.
        weight: of DEO_M.
        adjustment: fitted on all validation samples.
        val: counts of the validation samples, each fold decided by what was fitted on the others.
    """

    way: str
    weight: float
    adjustment: Adjustment
    val: GroupCounts


class Adjusted(NamedTuple):
    """A point of a front with what it comes to.

    Attributes:
        way, weight, adjustment, val: as in :class:`Offered`.
        test: counts of the test samples.
    """

    way: str
    weight: float
    adjustment: Adjustment
    val: GroupCounts
    test: GroupCounts


def adjust(validation: Scored, test: Scored, *, weighting: Weighting = "samples", groups: Sequence[str] = ()) -> list[Adjusted]:
    """The fronts of all ways for one trained net.

    A front's validation scores are of decisions that were fitted on other samples, so that points can be compared with trials;
    what is scored on the test split was fitted on all validation samples.

    Args:
        validation: what the net says of the validation split.
        test: of the test split, whose labels only the counts see.
        weighting: of accuracy on the validation split.
        groups: their names, for what is said.

    Raises:
        DataError: a group has too few validation samples to fit anything on: at least two are needed.
    """
    points = (point for way in WAYS for point in front(way, validation, weighting=weighting, groups=groups))
    return [Adjusted(*point, point.adjustment(test).counts(test)) for point in points]


def front(name: str, validation: Scored, *, weighting: Weighting = "samples", groups: Sequence[str] = ()) -> list[Offered]:
    """The front of one way: a point for each of :data:`WEIGHTS`.

    Args:
        name: of the way.
        validation, weighting, groups: as for :func:`adjust`.

    Raises:
        DataError: as of :func:`adjust`.
    """
    _check_groups(validation, groups)
    way = WAYS[name]
    whole = way.fit(validation, WEIGHTS, weighting)
    crossed = [_crossed(way, others, part, weighting) for others, part in validation.folds(FOLDS)]
    return [
        Offered(name, weight, adjustment, reduce(_add, parts))
        for weight, adjustment, *parts in zip(WEIGHTS, whole, *crossed, strict=True)
    ]


def _check_groups(validation: Scored, groups: Sequence[str]) -> None:
    present = validation.cells.sum(axis=1)
    if (lacking := [group for group in range(validation.num_groups) if present[group] < 2]) != []:
        named = ", ".join(groups[group] if groups else str(group) for group in lacking)
        raise DataError(
            f"thresholds cannot be fitted for {named}: the validation split has {min(present[lacking])} samples of it, and at "
            "least 2 are needed; a larger validation split (--set val_frac=) or merged groups would have them"
        )


def _crossed(way: Way, fitted_on: Scored, held: Scored, weighting: Weighting) -> list[GroupCounts]:
    return [adjustment(held).counts(held) for adjustment in way.fit(fitted_on, WEIGHTS, weighting)]


def _add(one: GroupCounts, two: GroupCounts) -> GroupCounts:
    return GroupCounts(np.add(one.hard, two.hard), np.add(one.soft, two.soft))
