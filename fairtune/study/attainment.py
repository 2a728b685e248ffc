"""What the fronts of several seeds attain: of searches of one method, of a search's own trials, of its retrainings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from fairtune.metrics import SCORES, UNDEFINED, Number, attained
from fairtune.spec import Limits, SearchSpec
from fairtune.spec.base import digest
from fairtune.study.summary import Summary

Corners = tuple[tuple[Number, Number], ...]


class Attainment(BaseModel):
    """Surfaces in two scores; see :func:`fairtune.metrics.attained`.

    Attributes:
        of: whose fronts they are.
        pair: the two scores.
        fronts: how many fronts there are, one for each seed.
        best, median, worst: corners of what any of the fronts attains, at least half of them, and all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: str
    pair: tuple[str, str]
    fronts: int
    best: Corners
    median: Corners
    worst: Corners


def attainment(of: str, pair: tuple[str, str], fronts: Sequence[npt.ArrayLike]) -> Attainment | None:
    """The surfaces of some fronts, each ``(n, 2)`` in the scores of ``pair``; None of fewer than two, or where none has a point."""
    scores = [SCORES[name] for name in pair]
    best, median, worst = (
        tuple((float(x), float(y)) for x, y in attained(fronts, scores, share)) for share in (1 / max(1, len(fronts)), 1 / 2, 1.0)
    )
    if len(fronts) < 2 or not best:
        return None
    return Attainment(of=of, pair=pair, fronts=len(fronts), best=best, median=median, worst=worst)


def of_searches(summaries: Sequence[Summary]) -> Iterator[Attainment]:
    """Of each method that several searches have searched which differ in their seeds alone: their fronts on validation, as measured
    on the split of each."""
    by_method: dict[str, list[Summary]] = {}
    for summary in summaries:
        by_method.setdefault(_but_for_seeds(summary.spec), []).append(summary)
    for own in by_method.values():
        method = own[0].spec.methods
        pair = pair_of(own[0])
        fronts = [[[summary.trials[number].score(name) for name in pair] for number in summary.front] for summary in own]
        if (found := attainment(method, pair, fronts)) is not None:
            yield found


def _but_for_seeds(spec: SearchSpec) -> str:
    """All that a search is but for what a repetition of it may change: seeds, and how long it may go on."""
    told = spec.model_dump(mode="json", exclude={"seed", "authors", *Limits.model_fields})
    for data in (told["dataset"], told["teacher_dataset"]):
        if data is not None:
            data["options"].pop("seed", None)
            data.pop("digest", None)
    return digest(told)


def of_trials(summary: Summary) -> Attainment | None:
    """Of the front's trials on each of the seeds that all of them were trained on.

    None on fewer than two, and where a seed of one failed: scores are kept in the order of the seeds, without which.
    """
    pair, trials = pair_of(summary), [summary.trials[number] for number in summary.front]
    if any(trial.failed_seeds for trial in trials):
        return None
    points = [[dict(enumerate(trial.intervals.get(name, UNDEFINED).values)) for name in pair] for trial in trials]
    return attainment("front", pair, _by_seed(points))


def of_retrainings(summary: Summary) -> Attainment | None:
    """Of what the search confirmed beside the baseline, on the test split and each seed that all were retrained on, likewise."""
    pair = pair_of(summary)
    settings = [one for roles, one in summary.confirmed_settings() if "baseline" not in roles]
    points = [[dict(zip(one.seeds, one.score(name).values, strict=False)) for name in pair] for one in settings if one.test]
    return attainment("confirmed", pair, _by_seed(points))


def pair_of(summary: Summary) -> tuple[str, str]:
    """The two scores whose fronts are compared, across and up: the first two objectives, and what a front of one stands in."""
    searched = summary.objectives if len(summary.objectives) > 1 else ("accuracy", *summary.objectives, "deo_m")
    up, across, *_ = dict.fromkeys(searched)
    return across, up


def _by_seed(points: Sequence[Sequence[Mapping[int, float]]]) -> list[list[list[float]]]:
    """Of each setting and score the values by seed: the settings' points on each seed on which all scores of all are defined."""
    if not points:
        return []
    shared = set.intersection(*(set(of) for one in points for of in one))
    seeds = sorted(seed for seed in shared if all(math.isfinite(of[seed]) for one in points for of in one))
    return [[[of[seed] for of in one] for one in points] for seed in seeds]
