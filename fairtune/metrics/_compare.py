"""Whether one setting is better than another, both retrained on the same seeds and scored on the same samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from fairtune.metrics._interval import Number
from fairtune.metrics._normal import exceeded, student
from fairtune.metrics._paired import is_of_answers, share_left
from fairtune.metrics._score import Score
from fairtune.records import GroupCounts, Ints

_LEAST_LOG_RISK = -700.0
_ROUNDING = 1e-12
"""Standard error up to which differences over seeds are equal."""


class NetScore(NamedTuple):
    """One retrained model on the test split.

    Attributes:
        counts: its group counts.
        value: its score.
        answers: the class predicted for each sample ``(n,)``, in the order of the cells (see :mod:`fairtune.spec.answers`); None
            where they were not kept.
    """

    counts: GroupCounts
    value: float
    answers: Ints | None = None


class Difference(BaseModel):
    """How much a setting's score differs from that of another; NaN stands for what is not defined.

    Attributes:
        mean: of the differences over the seeds, the setting's less the other's.
        low, high: 95 % interval of the difference of the true scores, of the mean over retrainings.
        p_value: of no difference, two-sided: how sure an interval may not be to leave 0 out.
        seeds: on which both have the score.
        paired: what is paired: ``samples``, the test samples and the seeds, or the ``seeds`` alone.
        estimate: the mean without most of the bias of maxima, about which the interval lies.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: Number
    low: Number
    high: Number
    p_value: Number
    seeds: int
    paired: Literal["samples", "seeds"] = "seeds"
    estimate: Number = math.nan


def compare(score: Score, setting: Sequence[NetScore], other: Sequence[NetScore], *, level: float = 0.95) -> Difference:
    """The difference of two settings' scores, both retrained on the same seeds and scored on the same samples.

    What the test samples leave open of each model's score is joined as if the two had been scored on different samples (G. Y. Zou,
    A. Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 2008), and then shortened to what
    pairing leaves of it, where it is known what each model answered to each sample (see :func:`fairtune.metrics.share_left`). The
    bias of a maximum does not cancel where one setting has many gaps that are equal and the other a single one: it is taken off
    each, and what is taken off counts as unsure in full. What the seeds leave open is Student's, of the paired differences; a
    single seed says nothing of it. Of a score that is no function of counts seeds alone tell, and nothing where their differences
    are all equal: two of them may be so by chance.

    Args:
        score: which.
        setting, other: the two, in the order of the same seeds.
        level: confidence of the interval.
    """
    pairs = [(one, two) for one, two in zip(setting, other, strict=True) if math.isfinite(one.value + two.value)]
    found = np.array([one.value - two.value for one, two in pairs])
    n = len(found)
    mean = float(found.mean()) if n else math.nan
    error = float(found.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    if n == 0 or (score.compute is None and error <= _ROUNDING):
        return Difference(mean=mean, low=math.nan, high=math.nan, p_value=math.nan, seeds=n)
    one, two = ([pair[side] for pair in pairs] for side in (0, 1))
    left = _left(score, one, two)
    ours, others = _reach(score, one, level), _reach(score, two, level)
    estimate = mean + ours.shift - others.shift
    seeds = student(level, n - 1) * error if error > 0 else 0.0
    samples = [_joined(left, *pair, ours.shift, others.shift) for pair in ((ours.down, others.up), (ours.up, others.down))]
    ends = estimate - math.hypot(samples[0], seeds), estimate + math.hypot(samples[1], seeds)
    low, high = (float(end) for end in np.clip(ends, score.low - score.high, score.high - score.low))
    towards_0 = samples[0 if estimate > 0 else 1] / exceeded((1 - level) / 2)
    p_value = _p_value(abs(estimate), towards_0, error, n - 1)
    paired: Literal["samples", "seeds"] = "seeds" if left is None else "samples"
    return Difference(mean=mean, low=low, high=high, p_value=p_value, seeds=n, paired=paired, estimate=estimate)


def _left(score: Score, setting: Sequence[NetScore], other: Sequence[NetScore]) -> float | None:
    """What pairing leaves; None where the samples cannot be paired."""
    cells = setting[0].counts.cells
    answers = [[model.answers for model in side] for side in (setting, other)]
    known = [[found for found in side if found is not None] for side in answers]
    alike = all(np.array_equal(model.counts.cells, cells) for model in (*setting, *other))
    if not is_of_answers(score) or sum(map(len, known)) < sum(map(len, answers)) or not alike:
        return None
    return share_left(score, cells, *known)


def _joined(left: float | None, one: float, other: float, *shifts: float) -> float:
    """How far the difference may reach for what the samples leave open: no farther than if each setting had samples of its own."""
    apart = math.hypot(one, other)
    return apart if left is None else min(apart, math.hypot(left * apart, *shifts))


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


class _Reach(NamedTuple):
    """How far the true score of a model may lie from its estimate, on average, and the estimate from the score as published."""

    down: float
    up: float
    shift: float


def _reach(score: Score, models: Sequence[NetScore], level: float) -> _Reach:
    """All 0 where counts do not tell."""
    if score.compute is None:
        return _Reach(0.0, 0.0, 0.0)
    limits = [(score.of(model.counts), score.within(model.counts, level)) for model in models]
    parts = [(found.estimate - found.low, found.high - found.estimate, found.estimate - own) for own, found in limits]
    return _Reach(*(float(mean) for mean in np.mean(parts, axis=0)))
