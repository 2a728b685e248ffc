"""``summary.json``: the outcome of a search for programs. The schema is documented in ``docs/summary.md``."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from fairtune.errors import InvalidInput
from fairtune.metrics import (
    HEADLINES,
    SCORES,
    UNDEFINED,
    Cell,
    Difference,
    Interval,
    NetScore,
    Number,
    compare,
    name_small_cells,
    small_cells,
    stand_ins,
)
from fairtune.names import Names
from fairtune.rules import corner, covered, front, objectives_of
from fairtune.space import Value
from fairtune.spec import Place, SearchSpec, Stop, TrialResult
from fairtune.study import verdict
from fairtune.study.band import Band, band
from fairtune.study.chances import Chance, chances
from fairtune.study.choice import BASELINE, CHOSEN
from fairtune.study.folders import RunFolder
from fairtune.study.handed import Handed, handed_net, handed_over
from fairtune.study.opening import Opening
from fairtune.study.record import Record, mean_scores
from fairtune.study.retrained import collapsed_seeds, complete, confirmed_scores, retrainings_of
from fairtune.study.study import SearchStudy
from fairtune.study.teacher import trained_teacher
from fairtune.study.untrained import Untrained, beaten, untrained

SCHEMA: Literal["fairtune-summary/2"] = "fairtune-summary/2"


Retrainings = Mapping[str, Mapping[int, TrialResult]]
"""What came of the retrainings, by the id of their setting and by seed."""


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
    """The plain model of the same architecture that set the floor; ``val`` and ``floor`` are means over the folds of the trials."""

    id: str
    seconds: float
    val: dict[str, Number]
    floor: float | None = None


class Trial(_Scored):
    """One trial; ``val``, over all its seeds, and ``feasible`` are null unless it was scored.

    ``epochs`` and ``seconds`` are of its first training, ``repeat_epochs`` and ``repeat_s`` of its further seeds.
    """

    number: int
    id: str | None
    state: str
    method: str
    params: dict[str, Value]
    epochs: int
    seconds: float
    val: dict[str, Number] | None
    feasible: bool | None
    collapsed: bool = False
    error: str | None = None
    stopped: Stop | None = None
    taken_from: str | None = None
    search_s: float = 0.0
    search_epochs: int = 0
    seeds: int = 1
    failed_seeds: int = 0
    folds: int = 1
    floor: float | None = None
    intervals: dict[str, Interval] = Field(default_factory=dict)
    repeat_s: float = 0.0
    repeat_epochs: int = 0

    @property
    def all_s(self) -> float:
        """Seconds of all its trainings."""
        return self.seconds + self.repeat_s

    @property
    def all_epochs(self) -> int:
        """Epochs of all its trainings."""
        return self.epochs + self.repeat_epochs


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
    collapsed: dict[int, int] = Field(default_factory=dict)

    def score(self, name: str) -> Interval:
        """A score on the test split; undefined where there is none."""
        return self.test.get(name, UNDEFINED)


class Cost(_Part):
    """What the search took: wall time of the whole; training time and epochs of its parts."""

    wall_s: float
    trial_s: float
    epochs: int
    baseline_s: float = 0.0
    baseline_epochs: int = 0
    teacher_s: float = 0.0
    teacher_epochs: int = 0
    confirmations: int = 0
    confirmation_s: float = 0.0
    confirmation_epochs: int = 0
    repeats: int = 0
    repeat_s: float = 0.0
    repeat_epochs: int = 0
    gpu_s: float = 0.0


class Summary(_Part):
    """The outcome of a search."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    schema_: Literal["fairtune-summary/2"] = Field(default=SCHEMA, alias="schema")
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
    hypervolume_from: dict[str, Number]
    cost: Cost
    test_opened: tuple[Opening, ...]
    against_baseline: dict[str, Difference] = Field(default_factory=dict)
    gained: bool | None = None
    outcome: str = ""
    small_cells: list[Cell]
    small_test_cells: list[Cell] = []
    untrained: list[Untrained] = []
    ended_by: str | None = None
    handed: Handed | None = None
    chances: list[Chance] = []
    band: Band | None = None

    @property
    def objectives(self) -> tuple[str, ...]:
        """The scores that the front is of."""
        return objectives_of(self.spec.select)

    @property
    def mean_floor(self) -> float:
        """The floor on the average of the validation folds that the trials were scored on."""
        return self.floor if self.baseline.floor is None else self.baseline.floor

    @property
    def names(self) -> Names:
        """Of classes and groups, in sentences."""
        return Names(self.classes, self.groups)

    @property
    def shown(self) -> tuple[str, ...]:
        """The scores of a report's tables: accuracy, those searched for, and what every table shows."""
        return tuple(dict.fromkeys(("accuracy", *self.objectives, *HEADLINES)))

    @property
    def estimates(self) -> tuple[str, ...]:
        """The scores that the search ranked by in the place of its objectives; see :func:`fairtune.metrics.ranked`."""
        found = (other for name in self.objectives for other in stand_ins(name))
        return tuple(name for name in found if any(name in (trial.val or {}) for trial in self.trials))

    @property
    def remarks(self) -> list[str]:
        """What to bear in mind when scores are read: what was not tried, what costs no training, and which cells are too small."""
        splits = {"validation": self.small_cells, "test": self.small_test_cells}
        too_small = [said for split, small in splits.items() if (said := name_small_cells(split, small, self.names))]
        own = [*verdict.cut_short(self), *verdict.half_confirmed(self), *verdict.uneven_folds(self), *verdict.collapsed(self)]
        return [*own, *beaten(self.untrained, self.objectives), *too_small]

    def chance(self, number: int) -> Chance:
        """What validation leaves open of a trial; undefined for one that is not on the front."""
        found = (chance for chance in self.chances if chance.trial == number)
        return next(found, Chance(trial=number, feasible=math.nan, dominates=math.nan))

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
    if study.baseline is None:
        raise InvalidInput(f"the search {place.name} has no baseline yet: go on with fairtune resume")
    baseline, records = study.baseline.result, study.records()
    views, objectives = study.views(), objectives_of(spec.select)
    of_folds = study.baselines()
    val, floor = mean_scores([one.result.val for one in of_folds]), statistics.fmean(one.floor for one in of_folds)
    worst = corner(val, floor, objectives)
    trials = list(_trials(study, records))
    on_front = [view.number for view in front(views, objectives)]
    for number in on_front:
        trials[number].intervals = _intervals(study, records[number], objectives)
    settings, retrained = _settings(spec, study, records), retrainings_of(spec, study)
    summary = Summary(
        complete=study.complete,
        name=place.name,
        spec=spec,
        place=place,
        classes=spec.classes,
        groups=spec.groups,
        baseline=Baseline(id=baseline.spec.id, seconds=baseline.seconds, val=val, floor=floor),
        floor=study.baseline.floor,
        trials=trials,
        front=on_front,
        chosen=_chosen(study, records),
        confirmed=_confirmed(spec, study, settings, retrained),
        hypervolume=covered(views, objectives, worst),
        hypervolume_from=worst,
        cost=_cost(place, study, baseline, records),
        test_opened=study.openings,
        small_cells=small_cells(baseline.counts("val").cells),
        small_test_cells=_small_test_cells(study),
        against_baseline=_against_baseline(spec, settings, retrained),
        untrained=_untrained(spec, study.baseline.floor, settings, retrained),
        ended_by=None if study.choice is None else study.choice.ended_by,
        handed=_handed(spec, place, study),
        chances=chances(study, on_front, objectives),
        band=band(study, on_front, objectives),
    )
    summary.gained = verdict.gained(summary)
    summary.outcome = verdict.outcome(summary)
    return summary


def _handed(spec: SearchSpec, place: Place, study: SearchStudy) -> Handed | None:
    net = handed_net(spec, study, RunFolder.of(place))
    return None if net is None else handed_over(net, spec)


def _cost(place: Place, study: SearchStudy, baseline: TrialResult, records: Sequence[Record]) -> Cost:
    finals = [result.brief for result in study.finals.values()]
    own = [record.result for record in records if record.result is not None and record.result.taken_from is None]
    teacher = trained_teacher(study.spec, place)
    shared = [result.brief for result in (baseline, teacher) if result is not None]
    more = [*(result.brief for result in study.folds.values()), *(one for record in records for one in record.repeats)]
    return Cost(
        wall_s=study.noted_s,
        trial_s=sum(trial.seconds for trial in own),
        epochs=sum(trial.epochs for trial in own),
        baseline_s=baseline.seconds,
        baseline_epochs=baseline.epochs,
        teacher_s=0.0 if teacher is None else teacher.seconds,
        teacher_epochs=0 if teacher is None else teacher.epochs,
        confirmations=len(finals),
        confirmation_s=sum(result.seconds for result in finals),
        confirmation_epochs=sum(result.epochs for result in finals),
        repeats=len(more),
        repeat_s=sum(result.seconds for result in more),
        repeat_epochs=sum(result.epochs for result in more),
        gpu_s=sum(result.gpu_s(place.gpus_per_trial) for result in (*shared, *own, *more, *finals)),
    )


def _trials(study: SearchStudy, records: Sequence[Record]) -> Iterator[Trial]:
    """Every trial, with what it and those before it took, further seeds included but for those of a race, which comes after all."""
    seconds, epochs, races = 0.0, 0, study.spec.seeds_per_trial == "auto"
    for record, trial in zip(records, map(_trial, records), strict=True):
        if trial.taken_from is None:
            seconds, epochs = seconds + trial.seconds, epochs + trial.epochs
        if not races:
            seconds, epochs = seconds + trial.repeat_s, epochs + trial.repeat_epochs
        folds, floor = max(1, study.folds_of(record)), study.floor_of(record) if record.state == "complete" else None
        yield trial.model_copy(update={"search_s": seconds, "search_epochs": epochs, "folds": folds, "floor": floor})


def _intervals(study: SearchStudy, record: Record, objectives: Sequence[str]) -> dict[str, Interval]:
    """Of accuracy and the objectives, on validation, of a trial with several seeds; none of one whose counts are damaged."""
    if len(record.scored) < 2:
        return {}
    scored = study.nets_of(record.number)
    names = dict.fromkeys(("accuracy", *objectives)) if len(scored) == len(record.scored) else {}
    return {name: SCORES[name].over([one.counts("val") for one in scored], [one.val[name] for one in scored]) for name in names}


def _settings(spec: SearchSpec, study: SearchStudy, records: list[Record]) -> dict[str, str]:
    """The id of the setting in each role, the baseline's first."""
    roles = {} if study.choice is None else study.choice.roles
    return {BASELINE: spec.baseline().id} | {role: _id_of(records[number]) for role, number in roles.items()}


def _against_baseline(spec: SearchSpec, settings: Mapping[str, str], retrained: Retrainings) -> dict[str, Difference]:
    """The choice against the baseline on the test split, in the objectives and accuracy; none before both were retrained."""
    if CHOSEN not in settings:
        return {}
    chosen, baseline = (retrained.get(settings[role], {}) for role in (CHOSEN, BASELINE))
    names = dict.fromkeys((*objectives_of(spec.select), verdict.improves(spec.select), "accuracy"))
    return {name: found for name in names if (found := difference(name, chosen, baseline)) is not None}


def _untrained(spec: SearchSpec, floor: float, settings: Mapping[str, str], retrained: Retrainings) -> list[Untrained]:
    """What moved thresholds bring, of each setting under its first role."""
    first: dict[str, str] = {}
    for role, setting in settings.items():
        first.setdefault(setting, role)
    of_roles = {role: complete(retrained[setting]) for setting, role in first.items() if setting in retrained}
    chosen = complete(retrained.get(settings.get(CHOSEN, ""), {}))
    return untrained(spec, floor, of_roles, chosen)


def difference(name: str, setting: Mapping[int, TrialResult], other: Mapping[int, TrialResult]) -> Difference | None:
    """How a score of one setting's retrainings differs from another's, on the seeds that both were scored on; None if on none."""
    of_both = [complete(results) for results in (setting, other)]
    seeds = [seed for seed in of_both[0] if seed in of_both[1]]
    return compare(SCORES[name], *([_scored(name, results[seed]) for seed in seeds] for results in of_both)) if seeds else None


def _scored(name: str, result: TrialResult) -> NetScore:
    return NetScore(result.counts("test"), (result.test or {}).get(name, math.nan), result.answers)


def _small_test_cells(study: SearchStudy) -> list[Cell]:
    """None before the test split is opened."""
    scored = [result.test_counts for result in study.finals.values() if result.test_counts is not None]
    return small_cells(scored[0].cells) if scored else []


def _trial(record: Record) -> Trial:
    result = record.result
    return Trial(
        number=record.number,
        id=result.id if result else None,
        state=record.state,
        method=record.method,
        params=record.params,
        epochs=result.epochs if result else 0,
        seconds=result.seconds if result else 0.0,
        val=record.val or None,
        feasible=record.feasible,
        collapsed=record.collapsed,
        error=result.error if result else None,
        stopped=result.stopped if result else None,
        taken_from=result.taken_from if result else None,
        seeds=max(1, len(record.scored)),
        failed_seeds=sum(one.state != "complete" for one in record.repeats),
        repeat_s=sum(one.seconds for one in record.repeats),
        repeat_epochs=sum(one.epochs for one in record.repeats),
    )


def _chosen(study: SearchStudy, records: list[Record]) -> Chosen | None:
    number = None if study.choice is None else study.choice.number
    if number is None:
        return None
    record = records[number]
    assert record.result is not None
    return Chosen(number=number, method=record.method, params=record.params, val=record.val, weights="chosen/weights.safetensors")


def _confirmed(spec: SearchSpec, study: SearchStudy, settings: Mapping[str, str], retrained: Retrainings) -> dict[str, Confirmed]:
    """By role; whichever role a setting was retrained for, the roles that it has now share that, the baseline's too."""
    numbers = {} if study.choice is None else study.choice.roles
    objectives = objectives_of(spec.select)
    scored = {setting: scored_on_test(retrained[setting], objectives) for setting in settings.values() if setting in retrained}
    return {
        role: scored[setting].model_copy(update={"number": numbers.get(role)})
        for role, setting in settings.items()
        if setting in scored
    }


def _id_of(record: Record) -> str:
    assert record.result is not None
    return record.result.id


def scored_on_test(results: Mapping[int, TrialResult], objectives: Sequence[str]) -> Confirmed:
    """The retrainings of one setting, scored on the test split; which trial it was is left open."""
    scored = complete(results)
    return Confirmed(
        number=None,
        seeds=list(scored),
        failed_seeds=[seed for seed in results if seed not in scored],
        test=confirmed_scores(list(scored.values()), objectives),
        collapsed=collapsed_seeds(scored),
    )
