"""``summary.json``: the outcome of a search for programs. The schema is documented in ``docs/summary.md``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from fairtune.errors import InvalidInput
from fairtune.metrics import PROBED, SCORES, UNDEFINED, Interval, Number, hypervolume, small_cells
from fairtune.names import Names
from fairtune.rules import fairness_score, front
from fairtune.space import Value
from fairtune.spec import Place, SearchSpec, TrialResult
from fairtune.study.jobs import final_key, final_seeds
from fairtune.study.study import Record, SearchStudy

SCHEMA: Literal["fairtune-summary/1"] = "fairtune-summary/1"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _HasScores(Protocol):
    @property
    def val(self) -> Mapping[str, float] | None: ...


class _Scored(_Part):
    def score(self: _HasScores, name: str) -> float:
        """A score on the validation split; NaN where there is none."""
        return (self.val or {}).get(name, math.nan)


class Baseline(_Scored):
    """The plain model of the same architecture that set the floor."""

    id: str
    seconds: float
    val: dict[str, Number]


class Trial(_Scored):
    """One trial; ``val`` and ``feasible`` are null unless it was scored."""

    number: int
    id: str | None
    state: str
    method: str
    params: dict[str, Value]
    epochs: int
    seconds: float
    val: dict[str, Number] | None
    feasible: bool | None
    error: str | None = None


class Chosen(_Scored):
    """The trial that the rule chose, and where its weights are."""

    number: int
    method: str
    params: dict[str, Value]
    val: dict[str, Number]
    weights: str


class Confirmed(_Part):
    """One setting retrained on the final seeds and scored on the test split; ``test`` is empty if all seeds failed."""

    number: int | None
    seeds: list[int]
    failed_seeds: list[int]
    test: dict[str, Interval]

    def score(self, name: str) -> Interval:
        """A score on the test split; undefined where there is none."""
        return self.test.get(name, UNDEFINED)


class Cost(_Part):
    """What the search took: wall time of the whole, training time and epochs of the trials."""

    wall_s: float
    trial_s: float
    epochs: int


class Opened(_Part):
    """An opening of the test split: when, for which roles and retrainings."""

    when: str
    roles: list[str]
    jobs: list[str]


class Summary(_Part):
    """The outcome of a search."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    schema_: Literal["fairtune-summary/1"] = Field(default=SCHEMA, alias="schema")
    complete: bool
    name: str
    spec: SearchSpec
    place: Place
    classes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    baseline: Baseline
    floor: float
    trials: list[Trial]
    front: list[int]
    chosen: Chosen | None
    confirmed: dict[str, Confirmed]
    hypervolume: float
    cost: Cost
    test_opened: list[Opened]
    small_cells: list[tuple[int, int, int]]

    @property
    def fairness(self) -> str:
        """The score that the front weighs against accuracy."""
        return fairness_score(self.spec.select)

    @property
    def names(self) -> Names:
        """Of classes and groups, in sentences."""
        return Names(self.classes, self.groups)

    @property
    def shown(self) -> tuple[str, ...]:
        """The scores of a report's tables: accuracy, the one searched for, and the differences of equalized odds."""
        return tuple(dict.fromkeys(("accuracy", self.fairness, "deo_m", "deo_a")))

    def confirmed_settings(self) -> list[tuple[list[str], Confirmed]]:
        """The confirmed settings, each once, with all its roles."""
        roles: dict[int | None, list[str]] = {}
        for role, confirmed in self.confirmed.items():
            roles.setdefault(confirmed.number, []).append(role)
        return [(names, self.confirmed[names[0]]) for names in roles.values()]


def summarise(spec: SearchSpec, place: Place, study: SearchStudy) -> Summary:
    """The outcome so far.

    Raises:
        InvalidInput: there is none, because the baseline has not been trained.
    """
    baseline = study.get_result("baseline")
    if baseline is None or study.floor is None:
        raise InvalidInput(f"the search {place.name} has no baseline yet: go on with fairtune resume")
    records = study.records()
    views, fairness = study.views(), fairness_score(spec.select)
    trials = [_trial(record) for record in records]
    return Summary(
        complete=bool(study.get("complete")),
        name=place.name,
        spec=spec,
        place=place,
        classes=spec.classes,
        groups=spec.groups,
        baseline=Baseline(id=baseline.spec.id, seconds=baseline.seconds, val=baseline.val),
        floor=study.floor,
        trials=trials,
        front=[view.number for view in front(views, fairness)],
        chosen=_chosen(study, records),
        confirmed=_confirmed(spec, study, records),
        hypervolume=hypervolume([view.val["accuracy"] for view in views], [view.val[fairness] for view in views]),
        cost=Cost(
            wall_s=float(study.get("wall_s") or 0.0),
            trial_s=sum(trial.seconds for trial in trials),
            epochs=sum(trial.epochs for trial in trials),
        ),
        test_opened=study.get("test_opened") or [],
        small_cells=small_cells(baseline.counts("val")),
    )


def _trial(record: Record) -> Trial:
    result = record.result
    return Trial(
        number=record.number,
        id=result.spec.id if result else None,
        state=record.state,
        method=record.method,
        params=record.params,
        epochs=result.epochs if result else 0,
        seconds=result.seconds if result else 0.0,
        val=result.val or None if result else None,
        feasible=record.feasible,
        error=result.error if result else None,
    )


def _chosen(study: SearchStudy, records: list[Record]) -> Chosen | None:
    number = study.get("chosen")
    if number is None or number < 0:
        return None
    record = records[number]
    assert record.result is not None
    return Chosen(
        number=number, method=record.method, params=record.params, val=record.result.val, weights="chosen/weights.safetensors"
    )


def _confirmed(spec: SearchSpec, study: SearchStudy, records: list[Record]) -> dict[str, Confirmed]:
    """By role; roles of one setting, the baseline's too, share its retraining."""
    finals = study.finals()
    roles: dict[str, int] = study.get("roles") or {}
    trained: dict[str, Confirmed] = {}
    confirmed: dict[str, Confirmed] = {}
    for role, number in [("baseline", None), *roles.items()]:
        results = {seed: finals[final_key(role, seed)] for seed in final_seeds(spec) if final_key(role, seed) in finals}
        setting = spec.baseline().id if number is None else _id_of(records[number])
        if results:
            trained[setting] = _score(number, results, fairness_score(spec.select))
        if setting in trained:
            confirmed[role] = trained[setting].model_copy(update={"number": number})
    return confirmed


def _id_of(record: Record) -> str:
    assert record.result is not None
    return record.result.spec.id


def _score(number: int | None, results: dict[int, TrialResult], fairness: str) -> Confirmed:
    complete = {seed: result for seed, result in results.items() if result.state == "complete"}
    scored = dict.fromkeys(("accuracy", "deo_m", "deo_a", fairness, *PROBED))
    if any("auc" in (result.test or {}) for result in complete.values()):
        scored["auc"] = None
    return Confirmed(
        number=number,
        seeds=list(complete),
        failed_seeds=[seed for seed in results if seed not in complete],
        test={name: _interval(name, list(complete.values())) for name in scored} if complete else {},
    )


def _interval(name: str, results: list[TrialResult]) -> Interval:
    values = [(result.test or {}).get(name, math.nan) for result in results]
    return SCORES[name].over([result.counts("test") for result in results], values)
