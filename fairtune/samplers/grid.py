"""Every setting of a finite space."""

from __future__ import annotations

import math
from typing import Any, ClassVar  # noqa: TID251  Optuna's type of a parameter's value

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from fairtune.samplers._base import Problem, Sampler
from fairtune.samplers._distribution import distribution
from fairtune.space import Value

_GOLDEN = (math.sqrt(5) - 1) / 2


class Grid(Sampler):
    """Walks through a finite space, as papers do: options, whole numbers, ``--set weight=0.1,1,10``. Learns nothing.

    Each step goes the golden ratio of the whole further, so that a search that ends early has seen every part of the grid. A real
    range has no end of values and is refused: give the values of the grid, or choose another sampler.
    """

    finite_only: ClassVar[bool] = True
    chooses_methods: ClassVar[bool] = False

    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        """One that goes on from where the trials so far have come."""
        return _Walk(problem)


class _Walk(optuna.samplers.BaseSampler):
    """The next setting that no trial of the study has.

    Args:
        problem: of a finite space.
    """

    def __init__(self, problem: Problem) -> None:
        self._domains = dict(problem.search)
        self._size = math.prod(int(domain.size) for domain in self._domains.values())
        self._first = problem.search_seed % self._size
        self._step = next(step for step in range(max(1, round(self._size * _GOLDEN)), 0, -1) if math.gcd(step, self._size) == 1)
        self._beside = optuna.samplers.RandomSampler(seed=problem.seed)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The whole."""
        return {name: distribution(domain) for name, domain in self._domains.items()}

    def sample_relative(self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """The next setting; nothing if all have been tried."""
        tried = {tuple(past.params.get(name) for name in self._domains) for past in study.get_trials(deepcopy=False)}
        for place in range(len(tried), len(tried) + self._size):
            setting = self._at(place % self._size)
            if tuple(setting.values()) not in tried:
                return setting
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """At random, where all settings have been tried."""
        return self._beside.sample_independent(study, trial, param_name, param_distribution)

    def _at(self, place: int) -> dict[str, Value]:
        index, setting = (self._first + place * self._step) % self._size, {}
        for name, domain in self._domains.items():
            index, digit = divmod(index, int(domain.size))
            setting[name] = domain.at((digit + 0.5) / domain.size)
        return setting
