"""Intervals of any score over retrained models: from what the test samples and the seeds leave open."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from fairtune.metrics._limits import Limits
from fairtune.metrics._normal import student

Number = Annotated[
    float,
    BeforeValidator(lambda value: math.nan if value is None else value),
    PlainSerializer(lambda value: value if math.isfinite(value) else None, return_type=float | None, when_used="json"),
]
"""A score; NaN where it is not defined, which is null in JSON."""


class Interval(BaseModel):
    """A score over several retrained models; NaN stands for what is not defined.

    Attributes:
        mean: mean over the models for which the score is defined.
        std: standard deviation over them (n - 1); not defined for a single one.
        low, high: interval of the true score of one retrained model.
        values: the score of each model, in the order of the seeds.
        estimate: the mean without most of the upward bias of a maximum; not defined in summaries of earlier versions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: Number
    std: Number
    low: Number
    high: Number
    values: tuple[Number, ...]
    estimate: Number = math.nan


UNDEFINED = Interval(mean=math.nan, std=math.nan, low=math.nan, high=math.nan, values=())
"""The interval of a score that no model has."""


def interval(
    scores: Sequence[float],
    limits: Sequence[Limits],
    values: Sequence[float],
    *,
    level: float = 0.95,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Interval:
    """Mean, standard deviation and interval of a score that is a function of group counts, over retrained models.

    Two things are uncertain of one more retrained model's true score: what the test samples hide, which all models share, since
    all are scored on the same, and what the seed does. How far the limits of the models reach on average stands for the first,
    Student's prediction interval of :func:`interval_over_models` for the second; the squares of the two reaches add up. A single
    model tells of the first alone.

    Args:
        scores: of the counts of each model.
        limits: of each model, with the confidence ``level``.
        values: the score of each model, where it may be known more exactly than its counts tell.
        level: coverage, between 0 and 1.
        bounds: the least and the largest value that the score can have.
    """
    mean, std = _moments(values)
    known = [(score, found) for score, found in zip(scores, limits, strict=True) if math.isfinite(score + sum(found))]
    if not known or math.isnan(mean):
        return Interval(mean=mean, std=std, low=math.nan, high=math.nan, values=tuple(values))
    score = np.array([score for score, _ in known])
    low, estimate, high = np.array([found for _, found in known]).T
    seeds = _reach(values, level) if np.isfinite(values).sum() > 1 else 0.0
    ends = mean - math.hypot((score - low).mean(), seeds), mean + math.hypot((high - score).mean(), seeds)
    first, corrected, last = (float(end) for end in np.clip([ends[0], mean + (estimate - score).mean(), ends[1]], *bounds))
    return Interval(mean=mean, std=std, low=first, high=last, values=tuple(values), estimate=corrected)


def interval_over_models(
    values: Sequence[float], *, level: float = 0.95, bounds: tuple[float, float] = (-math.inf, math.inf)
) -> Interval:
    """Mean, standard deviation and prediction interval of a score that is no function of group counts.

    The interval covers the score of one more retrained model, by Student's t, as far as the score can reach; it knows nothing of
    the choice of the test samples. It takes two models: from a single one its ends are not defined.

    Args:
        values: the score of each model, in the order of the seeds, at least one.
        level: coverage, between 0 and 1.
        bounds: the least and the largest value that the score can have.
    """
    mean, std = _moments(values)
    reach = _reach(values, level)
    low, high = (float(end) for end in np.clip([mean - reach, mean + reach], *bounds))
    return Interval(mean=mean, std=std, low=low, high=high, values=tuple(values), estimate=mean)


def _reach(values: Sequence[float], level: float) -> float:
    """How far the score of one more model may lie from the mean, by Student's t; NaN where fewer than two are defined."""
    n = int(np.isfinite(values).sum())
    return student(level, n - 1) * _moments(values)[1] * math.sqrt(1 + 1 / n) if n > 1 else math.nan


def _moments(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation of the values that are defined."""
    defined = np.array(values, dtype=float)
    defined = defined[np.isfinite(defined)]
    if len(defined) == 0:
        return math.nan, math.nan
    return statistics.fmean(defined), float(defined.std(ddof=1)) if len(defined) > 1 else math.nan
