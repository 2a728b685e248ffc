"""Bootstrap intervals of any score, from group counts alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from fairtune.records import Floats, GroupCounts
from fairtune.seeding import generator


class Interval(BaseModel):
    """A score over several retrained models.

    Attributes:
        mean: mean over the models.
        std: standard deviation over the models (n - 1); 0 for a single one.
        low, high: bootstrap interval of one retrained model's score.
        values: the score of each model, in the order of the seeds.
    """

    model_config = ConfigDict(frozen=True)

    mean: float
    std: float
    low: float
    high: float
    values: tuple[float, ...]


def interval(
    models: Sequence[GroupCounts],
    score: Callable[[GroupCounts], float],
    *,
    level: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> Interval:
    """Mean, standard deviation and bootstrap interval of a score over retrained models.

    Each replicate draws one of the models, then draws the samples of each of its cells anew (a multinomial draw from the
    cell's row of the confusion table, cell sizes fixed), and scores the result: the interval covers both the choice of the
    training seed and the choice of the test samples, for one model such as would be shipped. A maximum such as DEO_M is
    pushed up by every redraw, so the draws are shifted until their median is the mean over the models: the interval always
    holds that mean.

    Args:
        models: group counts of each model on the same split, at least one.
        score: any function of group counts with values in [0, 1].
        level: coverage, between 0 and 1.
        replicates: bootstrap draws.
        seed: the seed of the ``bootstrap`` stream.
    """
    values = np.array([score(counts) for counts in models])
    rng = generator(seed, "bootstrap")
    drawn = np.array([score(_redraw(models[pick], rng)) for pick in rng.integers(len(models), size=replicates)])
    low, high = _shifted_percentiles(drawn, float(values.mean()), level)
    std = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return Interval(mean=float(values.mean()), std=std, low=low, high=high, values=tuple(values.tolist()))


def interval_over_models(values: Sequence[float], *, level: float = 0.95) -> Interval:
    """Mean, standard deviation and prediction interval of a score that is no function of group counts.

    The interval covers the score of one more retrained model, by Student's t; it knows nothing of the choice of the test samples. A
    single model has none: its ends are the value itself.

    Args:
        values: the score of each model, in the order of the seeds, at least one.
        level: coverage, between 0 and 1.
    """
    from scipy.stats import t

    mean, n = float(np.mean(values)), len(values)
    std = float(np.std(values, ddof=1)) if n > 1 else 0.0
    reach = float(t.ppf((1 + level) / 2, n - 1)) * std * math.sqrt(1 + 1 / n) if n > 1 else 0.0
    return Interval(mean=mean, std=std, low=mean - reach, high=mean + reach, values=tuple(values))


def _redraw(counts: GroupCounts, rng: np.random.Generator) -> GroupCounts:
    groups, classes, _ = counts.hard.shape
    rows = counts.hard.reshape(-1, classes)
    sizes = rows.sum(axis=1)
    shares = np.divide(rows, sizes[:, None], out=np.full(rows.shape, 1.0 / classes), where=sizes[:, None] > 0)
    return GroupCounts(rng.multinomial(sizes, shares).reshape(groups, classes, classes), counts.soft)


def _shifted_percentiles(drawn: Floats, estimate: float, level: float) -> tuple[float, float]:
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) == 0:
        return float("nan"), float("nan")
    shifted = drawn + (estimate - np.median(drawn))
    low, high = np.quantile(shifted, [(1 - level) / 2, (1 + level) / 2]).clip(0, 1)
    return float(low), float(high)
