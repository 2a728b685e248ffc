"""The retrainings that confirm settings, by setting and seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fairtune.metrics import ESTIMATES, HEADLINES, SCORES, Interval, only_class
from fairtune.spec import SearchSpec, TrialResult, TrialSpec
from fairtune.study.key import JobKey
from fairtune.study.study import SearchStudy


class Retrained(NamedTuple):
    """A retraining that has ended.

    Attributes:
        key: names it within the search.
        result: what came of it.
    """

    key: JobKey
    result: TrialResult


def setting_of(retraining: TrialSpec, spec: SearchSpec) -> str:
    """The id of the setting that a retraining confirms: that of its trial, the same training on the search's seed.

    What went on from the baseline of its seed goes on there from the search's own.
    """
    of_its_seed = retraining.teacher is not None and retraining.teacher == spec.baseline(retraining.seed)
    teacher = spec.baseline() if of_its_seed else retraining.teacher
    return retraining.model_copy(update={"seed": spec.seed_beside(teacher), "teacher": teacher}).id


def retrained(spec: SearchSpec, study: SearchStudy) -> dict[str, dict[int, Retrained]]:
    """The retrainings of each setting, by its id, and by their seed, the first seed first."""
    found: dict[str, dict[int, Retrained]] = {}
    for key, result in sorted(study.finals.items(), key=lambda item: item[1].spec.seed):
        found.setdefault(setting_of(result.spec, spec), {})[result.spec.seed] = Retrained(key, result)
    return found


def retrainings_of(spec: SearchSpec, study: SearchStudy) -> dict[str, dict[int, TrialResult]]:
    """What came of the retrainings of each setting, likewise."""
    return {setting: {seed: one.result for seed, one in of.items()} for setting, of in retrained(spec, study).items()}


def complete(results: Mapping[int, TrialResult]) -> dict[int, TrialResult]:
    """Those by seed that did not fail."""
    return {seed: result for seed, result in results.items() if result.state == "complete"}


def first_complete(retrainings: Mapping[int, Retrained]) -> Retrained | None:
    """Of a setting's retrainings the one whose net is handed over.

    That is the first that completed in the order of the seeds, which was fixed before the test split was opened: the best of them
    on the test split would owe its score to luck. None if none completed.
    """
    return next((one for one in retrainings.values() if one.result.state == "complete"), None)


def collapsed_seeds(results: Mapping[int, TrialResult]) -> dict[int, int]:
    """Seeds of retrainings that give every sample of the test split one class, and which."""
    found = {seed: only_class(result.counts("test")) for seed, result in results.items()}
    return {seed: given for seed, given in found.items() if given is not None}


def confirmed_scores(results: Sequence[TrialResult], objectives: Sequence[str]) -> dict[str, Interval]:
    """The test scores that are told of retrainings, by name, over all of them; none without retrainings."""
    if not results:
        return {}
    measured = {name for result in results for name in result.test or {}}
    confirmed = {*HEADLINES, *objectives, *measured} - ESTIMATES
    return {name: _interval(name, results) for name in SCORES if name in confirmed}


def _interval(name: str, results: Sequence[TrialResult]) -> Interval:
    values = [(result.test or {}).get(name, math.nan) for result in results]
    return SCORES[name].over([result.counts("test") for result in results], values, weighting="samples")
