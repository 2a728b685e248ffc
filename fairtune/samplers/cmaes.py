"""An evolution strategy for one objective."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, ClassVar  # noqa: TID251  Optuna's type of a parameter's value

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from fairtune.samplers._base import Problem, Sampler


class CMAES(Sampler):
    """Draws from a normal distribution that moves to the best settings and takes on their shape. Takes one objective.

    For rules that weigh one score, such as ``deo_m_alone``. Of a generation it only sees the order, so the accuracy floor is a
    constraint by order too: what is infeasible comes after all that is feasible, by how much it misses the floor (K. Deb, 2000).
    Options are drawn at random: they have no distance. Source: N. Hansen and A. Ostermeier, Evolutionary Computation 2001.
    """

    citation: ClassVar[str] = (
        "N. Hansen, A. Ostermeier, Completely Derandomized Self-Adaptation in Evolution Strategies, Evolutionary Computation 2001"
    )

    several_objectives: ClassVar[bool] = False
    chooses_methods: ClassVar[bool] = False

    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        """Optuna's."""
        return _Constrained(problem)


class _Constrained(optuna.samplers.CmaEsSampler):
    """Optuna's knows no constraints, and draws by a trial's number, which counts draws that became no trial.

    Args:
        problem: says how many trials there have been.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(seed=problem.seed, warn_independent_sampling=False)
        self._so_far = problem.trials_so_far

    def sample_relative(self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """Draw for a trial as if only trials were numbered."""
        numbered = copy.copy(trial)
        numbered.number = self._so_far
        return super().sample_relative(study, numbered, search_space)

    def after_trial(self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Nothing: Optuna's warns that it passes constraints over."""

    def _get_trials(self, study: optuna.Study) -> list[FrozenTrial]:
        """The complete trials, the infeasible ones with a value behind all others."""
        trials = super()._get_trials(study)
        falling = study.direction == optuna.study.StudyDirection.MINIMIZE
        values = [_value(trial) for trial in trials if _excess(trial) <= 0]
        behind = max(values, default=0.0) if falling else min(values, default=0.0)
        return [trial if _excess(trial) <= 0 else _with(trial, behind, _excess(trial) * (1 if falling else -1)) for trial in trials]


def _value(trial: FrozenTrial) -> float:
    assert trial.value is not None
    return trial.value


def _excess(trial: FrozenTrial) -> float:
    return max(trial.constraints.values(), default=0.0)


def _with(trial: FrozenTrial, behind: float, by: float) -> FrozenTrial:
    placed = copy.copy(trial)
    placed.values = [behind + by]
    return placed
