"""Intervals of any score over retrained models: by bootstrap from group counts, by Student's t where it is no function of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from fairtune.records import Array, Floats, GroupCounts, Ints
from fairtune.seeding import generator

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
        std: standard deviation over them (n - 1); 0 for a single one.
        low, high: interval of one retrained model's score.
        values: the score of each model, in the order of the seeds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: Number
    std: Number
    low: Number
    high: Number
    values: tuple[Number, ...]


UNDEFINED = Interval(mean=math.nan, std=math.nan, low=math.nan, high=math.nan, values=())
"""The interval of a score that no model has."""


Redraw = Callable[[Sequence[GroupCounts], Ints, np.random.Generator], Iterator[GroupCounts]]
"""Given models, which of them each replicate is of, and a generator: the replicates."""

_DRAWN_AT_ONCE = 1 << 20
"""Entries of tables that are held at a time, 8 MiB; but for a single table that is larger."""


def redraw_predictions(models: Sequence[GroupCounts], picks: Ints, rng: np.random.Generator) -> Iterator[GroupCounts]:
    """The counts of each pick with the predictions of each cell's samples drawn anew from those of the cell."""
    for pick, table in zip(picks, _redraw([counts.hard for counts in models], picks, rng), strict=True):
        yield replace(models[pick], hard=table)


def redraw_probabilities(models: Sequence[GroupCounts], picks: Ints, rng: np.random.Generator) -> Iterator[GroupCounts]:
    """The counts of each pick with each cell's summed probabilities drawn anew, as if each sample were sure of one class.

    That is more than chance does to them: probabilities vary less than answers of the same mean.
    """
    for pick, table in zip(picks, _redraw([counts.soft for counts in models], picks, rng), strict=True):
        yield replace(models[pick], soft=table.astype(float))


def redraw_margins(models: Sequence[GroupCounts], picks: Ints, rng: np.random.Generator) -> Iterator[GroupCounts]:
    """The counts of each pick with the margins of each cell's samples drawn anew from those of the cell."""
    tables = [counts.margins for counts in models if counts.margins is not None]
    if len(tables) < len(models):
        yield from (models[pick] for pick in picks)
        return
    for pick, table in zip(picks, _redraw(tables, picks, rng), strict=True):
        yield replace(models[pick], margins=table)


def interval(
    models: Sequence[GroupCounts],
    score: Callable[[GroupCounts], float],
    *,
    values: Sequence[float] | None = None,
    redraw: Redraw = redraw_predictions,
    level: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Interval:
    """Mean, standard deviation and bootstrap interval of a score over retrained models.

    Each replicate draws one of the models, then draws the samples of each of its cells anew (a multinomial draw from the
    cell's row of a table, cell sizes fixed), and scores the result: the interval covers both the choice of the
    training seed and the choice of the test samples, for one model such as would be shipped. A maximum such as DEO_M is
    pushed up by every redraw, so the draws are shifted until their median is the mean over the models: the interval always
    holds that mean.

    Args:
        models: group counts of each model on the same split, at least one.
        score: any function of group counts.
        values: the score of each model where it is known more exactly than its counts tell.
        redraw: draws the table that the score is a function of, for all replicates.
        level: coverage, between 0 and 1.
        replicates: bootstrap draws.
        seed: the seed of the ``bootstrap`` stream.
        bounds: the least and the largest value that the score can have.
    """
    values = [score(counts) for counts in models] if values is None else values
    mean, std = _moments(values)
    rng = generator(seed, "bootstrap")
    picks = rng.integers(len(models), size=replicates)
    drawn = np.array([score(replicate) for replicate in redraw(models, picks, rng)])
    low, high = _shifted_percentiles(drawn, mean, level, bounds)
    return Interval(mean=mean, std=std, low=low, high=high, values=tuple(values))


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
    from scipy.stats import t

    mean, std = _moments(values)
    n = int(np.isfinite(values).sum())
    reach = float(t.ppf((1 + level) / 2, n - 1)) * std * math.sqrt(1 + 1 / n) if n > 1 else math.nan
    low, high = (float(end) for end in np.clip([mean - reach, mean + reach], *bounds))
    return Interval(mean=mean, std=std, low=low, high=high, values=tuple(values))


def _moments(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation of the values that are defined."""
    defined = np.array(values, dtype=float)
    defined = defined[np.isfinite(defined)]
    if len(defined) == 0:
        return math.nan, math.nan
    return float(defined.mean()), float(defined.std(ddof=1)) if len(defined) > 1 else 0.0


def _redraw(tables: Sequence[Array], picks: Ints, rng: np.random.Generator) -> Iterator[Ints]:
    """A redraw of each pick's table, many at a time; what is drawn does not depend on how many."""
    rows = np.stack(tables).reshape(len(tables), -1, tables[0].shape[-1])
    sums = rows.sum(axis=2)
    sizes = np.rint(sums).astype(np.int64)
    shares = np.divide(rows, sums[:, :, None], out=np.full(rows.shape, 1.0 / rows.shape[2]), where=sums[:, :, None] > 0)
    at_once = max(1, _DRAWN_AT_ONCE // rows[0].size)
    for start in range(0, len(picks), at_once):
        some = picks[start : start + at_once]
        yield from rng.multinomial(sizes[some], shares[some]).reshape(len(some), *tables[0].shape)


def _shifted_percentiles(drawn: Floats, estimate: float, level: float, bounds: tuple[float, float]) -> tuple[float, float]:
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) == 0:
        return float("nan"), float("nan")
    shifted = drawn + (estimate - np.median(drawn))
    low, high = np.quantile(shifted, [(1 - level) / 2, (1 + level) / 2]).clip(*bounds)
    return float(low), float(high)
