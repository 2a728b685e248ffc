"""Whether one setting is better than another, both retrained on the same seeds and scored on the same samples."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from fairtune.metrics._interval import Number
from fairtune.metrics._normal import exceeded, student
from fairtune.metrics._score import Score
from fairtune.records import GroupCounts

_LEAST_LOG_RISK = -700.0

Scored = Sequence[tuple[GroupCounts, float]]
"""Group counts and score of each retrained model, in the order of the seeds."""


class Difference(BaseModel):
    """How much a setting's score differs from that of another; NaN stands for what is not defined.

    Attributes:
        mean: of the differences over the seeds, the setting's less the other's.
        low, high: 95 % interval of the difference of the true scores, of the mean over retrainings.
        p_value: of no difference, two-sided: how sure an interval may not be to leave 0 out.
        seeds: on which both have the score.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: Number
    low: Number
    high: Number
    p_value: Number
    seeds: int


def compare(score: Score, setting: Scored, other: Scored, *, level: float = 0.95) -> Difference:
    """The difference of two settings' scores, the seeds paired.

    What the test samples leave open of each model's score counts in full, as if the two had been scored on different samples: from
    group counts alone it cannot be told how often both err on the same sample, and where they do, the difference is surer than said
    here. What the seeds leave open is Student's, of the paired differences; a single seed says nothing of it.

    Args:
        score: which.
        setting, other: the two, on the same seeds.
        level: confidence of the interval.
    """
    pairs = [(one, two) for one, two in zip(setting, other, strict=True) if math.isfinite(one[1] + two[1])]
    found = np.array([one[1] - two[1] for one, two in pairs])
    n = len(found)
    mean = float(found.mean()) if n else math.nan
    error = float(found.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    if n == 0 or (score.compute is None and n == 1):
        return Difference(mean=mean, low=math.nan, high=math.nan, p_value=math.nan, seeds=n)
    (down, up), (other_down, other_up) = (_reaches(score, [pair[side][0] for pair in pairs], level) for side in (0, 1))
    seeds = student(level, n - 1) * error if error > 0 else 0.0
    samples = math.hypot(down, other_up), math.hypot(up, other_down)
    ends = mean - math.hypot(samples[0], seeds), mean + math.hypot(samples[1], seeds)
    low, high = (float(end) for end in np.clip(ends, score.low - score.high, score.high - score.low))
    towards_0 = samples[0 if mean > 0 else 1] / exceeded((1 - level) / 2)
    return Difference(mean=mean, low=low, high=high, p_value=_p_value(abs(mean), towards_0, error, n - 1), seeds=n)


def _p_value(mean: float, normal: float, student_error: float, freedom: int) -> float:
    """The risk at which the interval about a mean just reaches 0, of a normal and a Student's standard error."""
    from scipy.optimize import brentq

    def beyond(log_risk: float) -> float:
        risk = math.exp(log_risk) / 2
        seeds = exceeded(risk, freedom) * student_error if student_error > 0 else 0.0
        return math.hypot(exceeded(risk) * normal, seeds) - mean

    if mean == 0:
        return 1.0
    return math.exp(brentq(beyond, _LEAST_LOG_RISK, 0.0)) if beyond(_LEAST_LOG_RISK) > 0 else 0.0


def _reaches(score: Score, models: Sequence[GroupCounts], level: float) -> tuple[float, float]:
    """How far below and above the score of a model its true score may lie, on average; 0 where counts do not tell."""
    if score.compute is None:
        return 0.0, 0.0
    limits = [(score.of(counts), score.within(counts, level)) for counts in models]
    return float(np.mean([own - found.low for own, found in limits])), float(np.mean([found.high - own for own, found in limits]))
