"""A sampler at work: on a study in memory whose space has fixed dimensions."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import optuna
from optuna.trial import TrialState

from fairtune.samplers._base import Problem, Sampler
from fairtune.samplers._distribution import distribution
from fairtune.seeding import stream_seed
from fairtune.space import Value

optuna.logging.set_verbosity(optuna.logging.WARNING)

_DRAWS = 4
"""How often a sampler is asked before what it has not tried is looked for without it."""

Params = dict[str, Value]


class Outcome(NamedTuple):
    """What a sampler is told of a trial.

    Attributes:
        state: how it ended.
        values: of the objectives, if it is complete.
        excess: by how much it misses the accuracy floor, if it is complete; feasible at 0 or less.
        taken_over: whether an earlier run has trained it.
    """

    state: Literal["complete", "pruned", "failed"]
    values: Sequence[float] = ()
    excess: float = 0.0
    taken_over: bool = False


class Learner:
    """A sampler on one problem, with what it has learnt.

    Args:
        sampler: proposes.
        problem: the same for all trials, but for what is given for each.
    """

    def __init__(self, sampler: Sampler, problem: Problem) -> None:
        self._sampler = sampler
        self._problem = problem
        self._begun = 0
        self._study = optuna.create_study(directions=problem.directions, sampler=optuna.samplers.RandomSampler())
        self._distributions = {name: distribution(domain) for name, domain in problem.search.items()}
        self._running: dict[int, optuna.Trial] = {}
        self._told: dict[int, int] = {}

    def explain(self) -> str:
        """What the sampler says of this problem."""
        return self._sampler.explain(self._problem)

    def draw(self, number: int, given: Params, accepted: Callable[[Params], bool]) -> optuna.Trial | None:
        """The first of a few draws, with some values given, that is accepted."""
        self._study.sampler = self._made_for(number)
        for _ in range(_DRAWS):
            if given:
                self._study.enqueue_trial(given)
            trial = self._study.ask(self._distributions)
            if accepted(trial.params):
                self._running[number] = trial
                self._begun += 1
                return trial
            self._study.tell(trial, state=TrialState.FAIL)
        return None

    def begin(self, number: int, params: Params, marks: dict[str, object]) -> None:
        """Take up a trial that an earlier session began."""
        template = optuna.trial.create_trial(
            state=TrialState.RUNNING, params=params, distributions=self._distributions, system_attrs=marks
        )
        self._running[number] = optuna.Trial(self._study, self._study._storage.create_new_trial(self._study._study_id, template))
        self._begun += 1

    def tell(self, number: int, outcome: Outcome) -> None:
        """Learn from a trial that has ended."""
        trial = self._running.pop(number)
        if outcome.state == "complete":
            trial.set_constraint("accuracy_floor", outcome.excess)
            self._study.tell(trial, list(outcome.values))
        else:
            self._study.tell(trial, state=TrialState.PRUNED if outcome.state == "pruned" else TrialState.FAIL)
        self._told[number] = trial._trial_id

    def take_up(self, number: int) -> None:
        """Let a trial that was told run again, in its old place: what is proposed next may depend on the order."""
        storage, trial_id = self._study._storage, self._told.pop(number)
        trial = copy.copy(storage.get_trial(trial_id))
        trial.state, trial.values, trial.datetime_complete = TrialState.RUNNING, None, None
        trial.system_attrs = {name: mark for name, mark in trial.system_attrs.items() if not name.startswith("constraints:")}
        storage._set_trial(trial_id, trial)  # type: ignore[attr-defined]  # of the storage in memory
        self._study.sampler = optuna.samplers.RandomSampler()
        self._running[number] = optuna.Trial(self._study, trial_id)

    def withdraw(self, number: int) -> None:
        """Forget a draw of which no trial has come."""
        self._study.tell(self._running.pop(number), state=TrialState.FAIL)
        self._begun -= 1

    def _made_for(self, number: int) -> optuna.samplers.BaseSampler:
        seed = stream_seed(self._problem.search_seed, "sampler", number) % 2**32
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return self._sampler.on(replace(self._problem, seed=seed, trials_so_far=self._begun))
