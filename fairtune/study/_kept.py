"""What a study keeps beside its trials, and how: nothing else knows the names of its attributes or their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, NamedTuple

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import TrialState
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from fairtune.errors import InvalidInput
from fairtune.samplers import Outcome
from fairtune.space import Value
from fairtune.spec import Brief, Limits, TrialResult
from fairtune.study.baseline import Baseline
from fairtune.study.choice import Choice
from fairtune.study.details import Part, without_details
from fairtune.study.key import JobKey, JobName
from fairtune.study.mirror import Mirror
from fairtune.study.opening import Opening

_FINAL = "final-"
_REPEAT = "repeat-"
_FOLD = "fold-"
_CHILD = "mlflow-"
_RESULT = "result"
_POINT = "point"
_CONSTRAINT = "constraints:accuracy_floor"
"""As ``optuna.Trial.set_constraint`` names it."""
_ENDED = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
_NOBODY = -1
"""Stands for the number of the chosen trial where there is none."""

_Result = Annotated[TrialResult, BeforeValidator(lambda text: TrialResult.model_validate_json(text))]


class _StoredRow(BaseModel):
    """A result as Optuna has it; earlier versions kept the text of the whole result alone."""

    result: _Result
    epochs: int | None = None
    part: Part | None = None
    waits: bool = False


class _Attributes(BaseModel):
    """The attributes of a study as Optuna has them, read."""

    baseline: _Result | None = None
    floor: float | None = None
    roles: dict[str, int] = Field(default_factory=dict)
    limits: Limits | None = None
    ended_by: str | None = None
    chosen: int | None = None
    test_opened: tuple[Opening, ...] = ()
    finals: dict[JobName, _Result] = Field(default_factory=dict)
    repeats: dict[JobName, _StoredRow | None] = Field(default_factory=dict)
    folds: dict[JobName, _Result] = Field(default_factory=dict)
    wall_s: float = 0.0
    alone_s: float | None = None
    complete: bool = False
    mlflow_experiment_id: str | None = None
    mlflow_run_id: str | None = None
    children: dict[JobName, str] = Field(default_factory=dict)

    @classmethod
    def read(cls, attributes: Mapping[str, object]) -> _Attributes:
        """Gather what is kept under many names, and read everything."""
        named = {
            group: {name: value for name, value in attributes.items() if name.startswith(prefix)}
            for group, prefix in (("finals", _FINAL), ("repeats", _REPEAT), ("folds", _FOLD))
        }
        children = {name.removeprefix(_CHILD): value for name, value in attributes.items() if name.startswith(_CHILD) and value}
        try:
            return cls.model_validate({**attributes, **named, "children": children})
        except ValidationError as error:
            raise _unreadable(".".join(map(str, error.errors()[0]["loc"])), error) from error


class Kept:
    """The record of a search beside its trials; what is kept is on disk when the call returns.

    Args:
        study: where it is stored.

    Raises:
        InvalidInput: it is stored in a form that cannot be read.
    """

    def __init__(self, study: optuna.Study) -> None:
        self._study = study
        stored = _Attributes.read(study.user_attrs)
        self._baseline = None if stored.baseline is None or stored.floor is None else Baseline(stored.baseline, stored.floor)
        self._choice = None if stored.chosen is None else Choice(stored.roles, stored.limits, stored.ended_by)
        self._openings = stored.test_opened
        self._finals = stored.finals
        self._repeats = {key: None if row is None else _row(row) for key, row in stored.repeats.items()}
        self._folds = stored.folds
        self._noted_s = stored.wall_s
        self._alone_s = stored.alone_s
        self._complete = stored.complete
        self._children = stored.children
        self._mirror = (
            None
            if stored.mlflow_experiment_id is None or stored.mlflow_run_id is None
            else self._mirrored(stored.mlflow_experiment_id, stored.mlflow_run_id)
        )

    @property
    def baseline(self) -> Baseline | None:
        """The baseline and the floor; None until it is trained."""
        return self._baseline

    def keep_baseline(self, baseline: Baseline) -> None:
        """Keep the baseline."""
        self._write(floor=baseline.floor, baseline=baseline.result.model_dump_json())
        self._baseline = baseline

    @property
    def choice(self) -> Choice | None:
        """What was chosen; None until the trials are over."""
        return self._choice

    def keep_choice(self, choice: Choice) -> None:
        """Keep the choice."""
        limits = {} if choice.limits is None else {"limits": choice.limits.model_dump(mode="json")}
        ended = {} if choice.ended_by is None else {"ended_by": choice.ended_by}
        number = _NOBODY if choice.number is None else choice.number
        self._write(roles=dict(choice.roles), **limits, **ended, chosen=number)
        self._choice = choice

    def reopen(self) -> None:
        """Forget that the search has come to its end, and what was chosen; what was retrained is kept."""
        ended = {} if self._choice is None or self._choice.ended_by is None else {"ended_by": None}
        self._write(complete=False, **ended, chosen=None)
        self._complete, self._choice = False, None

    @property
    def openings(self) -> tuple[Opening, ...]:
        """Every opening of the test split, the first one first."""
        return self._openings

    def keep_opening(self, opening: Opening) -> None:
        """Add an opening of the test split."""
        openings = (*self._openings, opening)
        self._write(test_opened=[opening.model_dump(mode="json") for opening in openings])
        self._openings = openings

    @property
    def finals(self) -> Mapping[JobKey, TrialResult]:
        """What came of the retrainings of the confirmation that have ended."""
        return MappingProxyType(self._finals)

    def keep_final(self, key: JobKey, result: TrialResult) -> None:
        """Keep what came of a retraining."""
        self._write(**{str(key): result.model_dump_json()})
        self._finals[key] = result

    @property
    def repeats(self) -> Mapping[JobKey, Row | None]:
        """What came of the further seeds of trials; None of those that run. What is big is beside it, as of trials."""
        return MappingProxyType(self._repeats)

    def begin_repeat(self, key: JobKey) -> None:
        """One more seed of a trial is about to be trained."""
        self._write(**{str(key): None})
        self._repeats[key] = None

    def _keep_repeat(self, key: JobKey, result: TrialResult, part: Part) -> Row:
        stored = _stored(result, part, waits=False)
        self._write(**{str(key): stored})
        self._repeats[key] = row = _row(_StoredRow.model_validate(stored))
        return row

    @property
    def folds(self) -> Mapping[JobKey, TrialResult]:
        """The baselines of other validation folds than that of the trials, as far as they were needed."""
        return MappingProxyType(self._folds)

    def keep_fold(self, key: JobKey, result: TrialResult) -> None:
        """Keep the baseline of another validation fold."""
        self._write(**{str(key): result.model_dump_json()})
        self._folds[key] = result

    @property
    def mirror(self) -> Mirror | None:
        """Where the search is in MLflow; None until it is there."""
        return self._mirror

    def keep_child(self, key: JobKey, run_id: str) -> None:
        """Keep where one more training of a mirrored search is in MLflow."""
        self._write(**{f"{_CHILD}{key}": run_id})
        self._children[key] = run_id

    def keep_mirror(self, mirror: Mirror) -> None:
        """Keep where the search is in MLflow."""
        before, after = self._children, dict(mirror.children)
        changed = {key: after.get(key) for key in {**before, **after} if before.get(key) != after.get(key)}
        self._write(**{f"{_CHILD}{key}": run_id for key, run_id in changed.items()})
        if self._mirror is None or (self._mirror.experiment_id, self._mirror.run_id) != (mirror.experiment_id, mirror.run_id):
            self._write(mlflow_experiment_id=mirror.experiment_id, mlflow_run_id=mirror.run_id)
        self._children = after
        self._mirror = self._mirrored(mirror.experiment_id, mirror.run_id)

    def _mirrored(self, experiment_id: str, run_id: str) -> Mirror:
        """With a view of the runs of trainings, which grows with them: there may be many."""
        return Mirror(experiment_id, run_id, MappingProxyType(self._children))

    @property
    def complete(self) -> bool:
        """Whether the search has come to its end, confirmation included."""
        return self._complete

    def keep_complete(self) -> None:
        """Keep that the search has come to its end."""
        self._write(complete=True)
        self._complete = True

    @property
    def noted_s(self) -> float:
        """Seconds that the search had run when they were last kept."""
        return self._noted_s

    def _keep_seconds(self, seconds: float) -> None:
        self._write(wall_s=seconds)
        self._noted_s = seconds

    @property
    def alone_s(self) -> float | None:
        """Seconds that the search had run when its first trial began to train; None before."""
        return self._alone_s

    def _keep_alone(self, seconds: float) -> None:
        self._write(alone_s=seconds)
        self._alone_s = seconds

    def _write(self, **attributes: object) -> None:
        """In this order: a process killed in between leaves what stands first, which is not read without the last."""
        for name, value in attributes.items():
            self._study.set_user_attr(name, value)


def begin(
    study: optuna.Study,
    params: dict[str, Value],
    distributions: dict[str, BaseDistribution],
    marks: dict[str, object],
    point: int | None,
) -> int:
    """Add a running trial with all its parameters in one write, and return its id; ``point`` is where it comes from."""
    template = optuna.trial.create_trial(
        state=TrialState.RUNNING, params=params, distributions=distributions, system_attrs=marks, user_attrs={_POINT: point}
    )
    return study._storage.create_new_trial(study._study_id, template)


def settle(study: optuna.Study, trial_id: int, outcome: Outcome) -> None:
    """End a running trial; of a complete one the excess over the accuracy floor is a constraint.

    Not by ``study.tell``, which reads the trial back from the database twice.
    """
    if outcome.state == "complete":
        study._storage.set_trial_system_attr(trial_id, _CONSTRAINT, outcome.excess)
    values = list(outcome.values) if outcome.state == "complete" else None
    study._storage.set_trial_state_values(trial_id, _ENDED[outcome.state], values)


def point_of(trial: optuna.trial.FrozenTrial) -> int | None:
    """Position of the point that a trial comes from; None if it comes from none."""
    point: int | None = trial.user_attrs.get(_POINT)
    return point


class Row(NamedTuple):
    """What the study keeps of the result of a trial, or of one more seed of it.

    Attributes:
        small: the result without what is big; of an earlier version, whole.
        epochs: trained.
        part: where the rest is; None for a result of an earlier version.
        waits: whether the trial was stopped but may be taken up again, unless Optuna has it as finished.
    """

    small: TrialResult
    epochs: int
    part: Part | None
    waits: bool

    @property
    def brief(self) -> Brief:
        """What is at hand of it."""
        return self.small.brief.model_copy(update={"epochs": self.epochs})


def keep_result(study: optuna.Study, trial_id: int, result: TrialResult, part: Part, *, waits: bool) -> None:
    """Keep what came of a trial with it, but for what is big, and where that is; and whether it waits to be taken up again."""
    study._storage.set_trial_user_attr(trial_id, _RESULT, _stored(result, part, waits=waits))


def _stored(result: TrialResult, part: Part, *, waits: bool) -> dict[str, object]:
    small = without_details(result).model_dump_json()
    return {"result": small, "epochs": result.epochs, "part": part.model_dump(), "waits": waits}


def take_up(study: optuna.Study, trial_id: int) -> None:
    """Let a trial that waits run again: what had come of it stands no longer."""
    row = study._storage.get_trial(trial_id).user_attrs[_RESULT]
    study._storage.set_trial_user_attr(trial_id, _RESULT, {**row, "waits": False})


def row_of(trial: optuna.trial.FrozenTrial) -> Row | None:
    """What came of a trial; None if nothing is kept.

    Raises:
        InvalidInput: it is kept in a form that cannot be read.
    """
    kept = trial.user_attrs.get(_RESULT)
    if kept is None:
        return None
    try:
        row = _StoredRow.model_validate(kept if isinstance(kept, dict) else {"result": kept})
    except ValidationError as error:
        raise _unreadable(str(JobKey.trial(trial.number)), error) from error
    return _row(row)


def _row(stored: _StoredRow) -> Row:
    return Row(stored.result, stored.result.epochs if stored.epochs is None else stored.epochs, stored.part, stored.waits)


def _unreadable(name: str, error: ValidationError) -> InvalidInput:
    return InvalidInput(
        f"the study keeps {name} in a form that this version of fairtune cannot read ({error.errors()[0]['msg']}): "
        "go on with the version that began the search, or begin one of another --name"
    )
