"""How often the samples of each group and each cell are recognised, with what their number leaves open."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from fairtune.metrics._interval import Number
from fairtune.metrics._normal import exceeded
from fairtune.metrics._shares import Shares
from fairtune.records import GroupCounts, Ints


class GroupScore(BaseModel):
    """How often the samples of a group are recognised.

    Attributes:
        a: the group.
        samples: how many there are.
        accuracy: share that is recognised; NaN where there is no sample.
        low: end of the 95 % interval of its true value, by Jeffreys' limits; of this one alone, not of all at once.
        high: the other end.
    """

    model_config = ConfigDict(extra="forbid")

    a: int
    samples: int
    accuracy: Number
    low: Number
    high: Number


class CellScore(GroupScore):
    """The same of a cell: the samples of class ``y`` in group ``a``."""

    y: int


def group_scores(counts: GroupCounts) -> tuple[GroupScore, ...]:
    """Every group of a split."""
    found = _told(_right(counts).sum(axis=1), counts.cells.sum(axis=1))
    return tuple(GroupScore.model_validate({"a": a} | told) for (a,), told in found)


def cell_scores(*models: GroupCounts) -> tuple[CellScore, ...]:
    """Every cell of a split, class by class, the groups of a class one after another.

    Args:
        models: one table, or those of several retrainings on the same samples, whose mean accuracy is told.
    """
    right = np.mean([_right(counts) for counts in models], axis=0)
    found = _told(right.T, models[0].cells.T)
    return tuple(CellScore.model_validate({"y": y, "a": a} | told) for (y, a), told in found)


def _right(counts: GroupCounts) -> Ints:
    right: Ints = np.diagonal(counts.hard, axis1=1, axis2=2)
    return right


def _told(right: npt.ArrayLike, samples: Ints, level: float = 0.95) -> list[tuple[tuple[int, ...], dict[str, float]]]:
    """What is said of each share, by its place in the table."""
    shares = Shares.single(right, samples)
    down, up = shares.reach(exceeded((1 - level) / 2))
    table: dict[str, npt.NDArray[np.float64]] = {"accuracy": shares.values, "low": shares.values - down, "high": shares.values + up}
    return [
        (place, {"samples": int(samples[place]), **{name: float(values[place]) for name, values in table.items()}})
        for place in np.ndindex(samples.shape)
    ]
