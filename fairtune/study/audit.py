"""What every rule would have chosen of one search, and what that is worth on the test split."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fairtune import plugins
from fairtune.errors import InvalidInput
from fairtune.metrics import SCORES, UNDEFINED, Difference, Interval, Number, reaches
from fairtune.rules import View, corner, covered
from fairtune.space import Value
from fairtune.spec import Place, SearchSpec, TrialResult
from fairtune.study.applied import chosen_by, why_none
from fairtune.study.baseline import floor_on
from fairtune.study.opening import Opening
from fairtune.study.retrained import complete, retrainings_of
from fairtune.study.study import SearchStudy
from fairtune.study.summary import Summary, difference, scored_on_test, summarise
from fairtune.study.verdict import improves

_FEWEST = 3
"""Settings between which a rank correlation says anything."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Choice(_Part):
    """What a rule chooses: a trial, or none because none is feasible, or it cannot be applied.

    Attributes:
        rule: its name.
        trial: number of the chosen one.
        unable: why the rule cannot be applied.
        why_none: why no trial is feasible, and which came closest.
    """

    rule: str
    trial: int | None = None
    unable: str | None = None
    why_none: str | None = None


class Setting(_Part):
    """A setting that was retrained and scored on the test split.

    Attributes:
        trial: its number; None for the baseline.
        method, params: of the trial.
        val: its scores on validation.
        seeds: on which it was retrained.
        test: its scores on the test split.
        feasible: whether its mean test accuracy reaches the floor there, and no retraining of it gives all samples one class; None
            where that is not defined.
        regret: how much worse its mean test score is than that of the best feasible setting; not defined where none is.
        against_baseline: its score against the baseline's; None for the baseline and where no seed has both.
    """

    trial: int | None
    method: str
    params: dict[str, Value]
    val: dict[str, Number]
    seeds: tuple[int, ...]
    test: dict[str, Interval]
    feasible: bool | None
    regret: Number
    against_baseline: Difference | None

    def mean(self, name: str) -> float:
        """A score's mean on the test split; NaN where there is none."""
        return self.test.get(name, UNDEFINED).mean


class Optimism(_Part):
    """The volume that the confirmed settings cover, from each split's own corner: its baseline, and just below its floor."""

    validation: Number
    test: Number

    @property
    def gap(self) -> float:
        """What validation promised more than the test split holds."""
        return self.validation - self.test


class Audit(_Part):
    """The audit of a search.

    Attributes:
        name: of the run.
        outcome: of the search, in a sentence.
        score: in which settings are compared, the one that the search's own rule improves.
        floor, test_floor: the accuracy that a setting must reach on validation, and on test: the same, or relative to the baseline
            there.
        choices: of all rules, that of the search first.
        settings: what was confirmed, the baseline first, then by number.
        rank_correlation: Spearman's, between a score of the settings on validation and on test, by the name of the score on
            validation; for an estimate that searches rank by, with what it estimates. Not defined for fewer than three.
        hypervolume: what the confirmed settings cover.
        test_opened: every opening of the test split.
        remarks: what to bear in mind.
    """

    schema_: Literal["fairtune-audit/1"] = Field(default="fairtune-audit/1", alias="schema")
    name: str
    outcome: str
    score: str
    floor: float
    test_floor: Number
    choices: tuple[Choice, ...]
    settings: tuple[Setting, ...]
    rank_correlation: dict[str, Number]
    hypervolume: Optimism
    test_opened: tuple[Opening, ...]
    remarks: tuple[str, ...]

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @property
    def shown(self) -> tuple[str, ...]:
        """The scores of its tables."""
        return tuple(dict.fromkeys(("accuracy", "deo_m", self.score)))

    def setting(self, trial: int | None) -> Setting | None:
        """A confirmed setting by the number of its trial; None if it was not confirmed."""
        return next((setting for setting in self.settings if setting.trial == trial), None)


def choices_of(study: SearchStudy, summary: Summary) -> list[Choice]:
    """What every rule that there is chooses, the search's own first.

    Raises:
        InvalidInput: none of the trials has completed.
    """
    own = summary.spec.select
    chosen_by(own, study, summary)
    return [_choice(rule, study, summary) for rule in dict.fromkeys((own, *plugins.names("rule")))]


def _choice(rule: str, study: SearchStudy, summary: Summary) -> Choice:
    try:
        chosen = chosen_by(rule, study, summary)
    except InvalidInput as error:
        return Choice(rule=rule, unable=str(error))
    if chosen is None:
        return Choice(rule=rule, why_none=why_none(rule, study, summary))
    return Choice(rule=rule, trial=chosen.number)


def audit(spec: SearchSpec, place: Place, study: SearchStudy) -> Audit:
    """The audit of a search, of what is confirmed by now.

    Raises:
        InvalidInput: the baseline has not been trained, or no trial has completed.
    """
    summary = summarise(spec, place, study)
    choices = choices_of(study, summary)
    retrained, score = retrainings_of(spec, study), improves(spec.select)
    baseline = retrained.get(spec.baseline().id, {})
    floors = [floor_on("test", spec.accuracy_floor, result) for result in complete(baseline).values()]
    floor = float(np.mean(floors)) if floors else spec.accuracy_floor.value if spec.accuracy_floor.kind == "number" else math.nan
    settings = _with_regret(list(_settings(summary, choices, retrained, score, floor)), score)
    return Audit(
        name=summary.name,
        outcome=summary.outcome,
        score=score,
        floor=summary.mean_floor,
        test_floor=floor,
        choices=tuple(choices),
        settings=tuple(settings),
        rank_correlation=_rank_correlations(settings, score),
        hypervolume=_optimism(summary, settings, floor),
        test_opened=summary.test_opened,
        remarks=tuple(summary.remarks),
    )


class _Row(NamedTuple):
    trial: int | None
    method: str
    params: dict[str, Value]
    val: dict[str, float]
    results: Mapping[int, TrialResult]


def _settings(
    summary: Summary, choices: Sequence[Choice], retrained: Mapping[str, Mapping[int, TrialResult]], score: str, floor: float
) -> Iterator[Setting]:
    """The baseline and every chosen trial that was retrained."""
    baseline = retrained.get(summary.baseline.id, {})
    trials = [summary.trials[number] for number in sorted({choice.trial for choice in choices if choice.trial is not None})]
    rows = [_Row(None, "scratch", {}, summary.baseline.val, baseline)]
    rows += [_Row(one.number, one.method, one.params, one.val or {}, retrained.get(one.id or "", {})) for one in trials]
    for number, method, params, val, results in rows:
        if not results:
            continue
        confirmed = scored_on_test(results, (*summary.objectives, score))
        accuracy = confirmed.score("accuracy").mean
        yield Setting(
            trial=number,
            method=method,
            params=params,
            val=val,
            seeds=tuple(confirmed.seeds),
            test=confirmed.test,
            feasible=reaches(accuracy, floor) and not confirmed.collapsed if math.isfinite(accuracy + floor) else None,
            regret=math.nan,
            against_baseline=None if number is None else difference(score, results, baseline),
        )


def _with_regret(settings: Sequence[Setting], score: str) -> list[Setting]:
    cost = SCORES[score].cost
    reached = [cost(one.mean(score)) for one in settings if one.feasible and math.isfinite(one.mean(score))]
    best = min(reached, default=math.nan)
    return [one.model_copy(update={"regret": cost(one.mean(score)) - best}) for one in settings]


def _rank_correlations(settings: Sequence[Setting], score: str) -> dict[str, float]:
    pairs = {name: name for name in dict.fromkeys(("accuracy", "deo_m", score))}
    pairs |= {estimate: name for name in pairs if (estimate := SCORES[name].estimate) is not None}
    return {name: _spearman([(one.val.get(name, math.nan), one.mean(test)) for one in settings]) for name, test in pairs.items()}


def _spearman(pairs: Sequence[tuple[float, float]]) -> float:
    from scipy.stats import spearmanr

    found = np.array([pair for pair in pairs if math.isfinite(sum(pair))]).reshape(-1, 2)
    if len(found) < _FEWEST or not np.ptp(found, axis=0).all():
        return math.nan
    return float(spearmanr(*found.T).statistic)


def _optimism(summary: Summary, settings: Sequence[Setting], floor: float) -> Optimism:
    objectives = summary.objectives
    baseline = next((one for one in settings if one.trial is None), None)
    if baseline is None:
        return Optimism(validation=math.nan, test=math.nan)
    validation = [View(one.trial or 0, one.params, one.val, True) for one in settings if one.trial is not None]
    test = [
        view._replace(val=_means(one, objectives), feasible=bool(one.feasible))
        for view, one in zip(validation, settings[1:], strict=True)
    ]
    worst = corner(_means(baseline, objectives), floor, objectives)
    return Optimism(validation=covered(validation, objectives, summary.hypervolume_from), test=covered(test, objectives, worst))


def _means(setting: Setting, objectives: Sequence[str]) -> dict[str, float]:
    return {name: setting.mean(name) for name in objectives}
