"""The record of a search: one Optuna study, the only truth. Nothing else in fairtune imports optuna."""

from __future__ import annotations

import math
import time
import warnings
from pathlib import Path
from typing import Any, Literal, NamedTuple

import optuna

from fairtune.plugins import load
from fairtune.rules import Rule, View
from fairtune.seeding import stream_seed
from fairtune.space import Domain, Integer, Options, Space, Value
from fairtune.spec import SearchSpec, TrialResult

_NAME = "search"
_STATES: dict[optuna.trial.TrialState, Literal["waiting", "running", "complete", "pruned", "failed"]] = {
    optuna.trial.TrialState.WAITING: "waiting",
    optuna.trial.TrialState.RUNNING: "running",
    optuna.trial.TrialState.COMPLETE: "complete",
    optuna.trial.TrialState.PRUNED: "pruned",
    optuna.trial.TrialState.FAIL: "failed",
}


class Record(NamedTuple):
    """One trial of a search.

    Attributes:
        number: counts from 0 in the order of asking.
        state: ``running`` until told.
        method: which of the methods searched.
        params: what was searched, by full name.
        result: what came of it; None while it runs.
        feasible: whether a complete trial's accuracy reaches the floor; None otherwise.
    """

    number: int
    state: str
    method: str
    params: dict[str, Value]
    result: TrialResult | None
    feasible: bool | None


class SearchStudy:
    """The study of one search.

    Args:
        database: the SQLite file.
        spec: the search.
    """

    def __init__(self, database: Path, spec: SearchSpec) -> None:
        self.spec = spec
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        rule: type[Rule] = load("rule", spec.select)
        directions = [direction for _, direction in rule.objectives]
        self._objectives = [name for name, _ in rule.objectives]
        self._study = optuna.create_study(
            study_name=_NAME,
            storage=f"sqlite:///{database}",
            directions=directions,
            load_if_exists=True,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            if self._study.metric_names is None:
                self._study.set_metric_names(self._objectives)
            self._study.sampler = _sampler(spec, len(self._study.trials))
        self._live: dict[int, optuna.Trial] = {}
        self._kept: dict[str, Any] = self._study.user_attrs
        self._settled: dict[int, Record] = {}
        self._began = time.time()
        self._wall_before = float(self.get("wall_s") or 0.0)
        if not self._study.get_trials(deepcopy=False):
            self._enqueue_points()

    def get(self, key: str) -> Any:
        """A value kept beside the trials (baseline, floor, confirmations, ...), or None."""
        return self._kept.get(key)

    def put(self, key: str, value: Any) -> None:
        """Keep a value that JSON can hold."""
        self._study.set_user_attr(key, value)
        self._kept[key] = value

    def put_result(self, key: str, result: TrialResult) -> None:
        """Keep a result that is not a trial's."""
        self.put(key, result.model_dump_json())

    def get_result(self, key: str) -> TrialResult | None:
        """A result kept by :meth:`put_result`, or None."""
        text = self.get(key)
        return None if text is None else TrialResult.model_validate_json(text)

    def finals(self) -> dict[str, TrialResult]:
        """The retrainings of the confirmation that have ended, by job key."""
        kept = {key: value for key, value in self._kept.items() if key.startswith("final-")}
        return {key: TrialResult.model_validate_json(text) for key, text in kept.items()}

    @property
    def wall_s(self) -> float:
        """Seconds that the search has run, all sessions together."""
        return self._wall_before + time.time() - self._began

    @property
    def floor(self) -> float | None:
        """The accuracy floor as a number; None until the baseline is trained."""
        floor: float | None = self.get("floor")
        return floor

    def ask(self) -> tuple[int, str, dict[str, Value]]:
        """Propose a setting: its trial number, its method, and its searched values by full name."""
        return self._draw(self._study.ask())

    def left_over(self) -> list[tuple[int, str, dict[str, Value]]]:
        """What earlier sessions asked for and never told; a setting that was drawn in part is drawn to its end."""
        running = [trial for trial in self._study.trials if trial.state == optuna.trial.TrialState.RUNNING]
        return [self._draw(optuna.trial.Trial(self._study, trial._trial_id)) for trial in running]

    def _draw(self, trial: optuna.Trial) -> tuple[int, str, dict[str, Value]]:
        self._live[trial.number] = trial
        methods = list(self.spec.spaces)
        method = trial.suggest_categorical("method", methods) if len(methods) > 1 else methods[0]
        space = self.spec.spaces[method]
        values = {name: _suggest(trial, self._prefix(method) + name, domain) for name, domain in space.search.items()}
        return trial.number, method, values

    def tell(self, number: int, result: TrialResult) -> None:
        """Settle a trial: its result is kept whatever its state; a complete one sets the floor's constraint."""
        trial = self._live.pop(number, None) or optuna.trial.Trial(self._study, self._study.trials[number]._trial_id)
        values = [result.val.get(name, math.nan) for name in self._objectives]
        if result.state == "complete" and not all(math.isfinite(value) for value in values):
            scores = ", ".join(f"{name} {value}" for name, value in zip(self._objectives, values, strict=True))
            result = result.model_copy(update={"state": "failed", "error": f"the scores are not finite: {scores}"})
        trial.set_user_attr("result", result.model_dump_json())
        if result.state == "complete":
            assert self.floor is not None
            trial.set_constraint("accuracy_floor", self.floor - result.val["accuracy"])
            self._study.tell(trial, values)
        else:
            pruned = result.state == "pruned"
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.FAIL)
        self.put("wall_s", self.wall_s)

    @property
    def asked(self) -> int:
        """How many trials have been asked for so far."""
        trials = self._study.get_trials(deepcopy=False)
        return sum(trial.state != optuna.trial.TrialState.WAITING for trial in trials)

    def records(self) -> list[Record]:
        """All trials asked for so far, by number."""
        trials = self._study.get_trials(deepcopy=False)
        return [self._record(trial) for trial in trials if trial.state != optuna.trial.TrialState.WAITING]

    def views(self) -> list[View]:
        """The complete trials as selection rules see them."""
        return [
            View(record.number, record.params, record.result.val, bool(record.feasible))
            for record in self.records()
            if record.state == "complete" and record.result is not None
        ]

    def _record(self, trial: optuna.trial.FrozenTrial) -> Record:
        """A trial's record; one that has ended never changes, so it is read once."""
        if trial.number not in self._settled:
            record = self._read(trial)
            if record.state == "running":
                return record
            self._settled[trial.number] = record
        return self._settled[trial.number]

    def _read(self, trial: optuna.trial.FrozenTrial) -> Record:
        methods = list(self.spec.spaces)
        method = trial.params.get("method", methods[0])
        prefix = self._prefix(method)
        params = {name.removeprefix(prefix): value for name, value in trial.params.items() if name != "method"}
        text = trial.user_attrs.get("result")
        result = None if text is None else TrialResult.model_validate_json(text)
        feasible = None
        if result is not None and result.state == "complete" and self.floor is not None:
            feasible = result.val["accuracy"] >= self.floor
        return Record(trial.number, _STATES[trial.state], method, params, result, feasible)

    def _prefix(self, method: str) -> str:
        return f"{method}/" if len(self.spec.spaces) > 1 else ""

    def _enqueue_points(self) -> None:
        several = len(self.spec.spaces) > 1
        for method, space in self.spec.spaces.items():
            for point in space.usable_points() or ([{}] if several else []):
                named = {self._prefix(method) + name: value for name, value in point.items()}
                self._study.enqueue_trial({"method": method, **named} if several else named)


def _sampler(spec: SearchSpec, trials_so_far: int) -> optuna.samplers.BaseSampler:
    """A sampler seeded by the search's seed and by how far the study is, so that a resumed search does not draw the same again."""
    seed = stream_seed(spec.seed, "sampler", trials_so_far) % 2**32
    start = max(5, spec.trials // 4)
    match spec.sampler:
        case "tpe":
            return optuna.samplers.TPESampler(
                n_startup_trials=start, multivariate=True, group=len(spec.spaces) > 1, constant_liar=True, seed=seed
            )
        case "gp":
            return optuna.samplers.GPSampler(n_startup_trials=start, seed=seed)
        case "nsga2":
            return optuna.samplers.NSGAIISampler(population_size=min(50, start), seed=seed)
        case "random":
            return optuna.samplers.RandomSampler(seed=seed)


def _suggest(trial: optuna.Trial, name: str, domain: Domain) -> Value:
    value: Value
    if isinstance(domain, Options):
        value = trial.suggest_categorical(name, domain.values)
    elif isinstance(domain, Integer):
        value = trial.suggest_int(name, int(domain.low), int(domain.high), log=domain.log)
    else:
        value = trial.suggest_float(name, domain.low, domain.high, log=domain.log)
    return value


def search_size(spaces: dict[str, Space]) -> float:
    """How many different settings a search has; infinite as soon as one real range is searched."""
    return sum(space.size for space in spaces.values())


def trials_to_run(spec: SearchSpec) -> int:
    """How many trials a search has: as many as asked for, but not more than there are settings."""
    return int(min(spec.trials, search_size(spec.spaces)))
