"""An evolutionary algorithm."""

from __future__ import annotations

from typing import ClassVar

import optuna

from fairtune.samplers._base import Problem, Sampler

_LARGEST_POPULATION = 50


class NSGA2(Sampler):
    """Crosses and mutates the best settings of each generation: feasible before infeasible, then by fronts, then where few are.

    A generation is as large as the start-up of other samplers, and at most 50. Knows no conditional spaces. Source: K. Deb et al.,
    IEEE Transactions on Evolutionary Computation 2002.
    """

    citation: ClassVar[str] = (
        "K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, "
        "IEEE Transactions on Evolutionary Computation 2002"
    )

    chooses_methods: ClassVar[bool] = False

    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        """Optuna's."""
        return _InOrder(population_size=min(_LARGEST_POPULATION, problem.start), seed=problem.seed)


class _InOrder(optuna.samplers.NSGAIISampler):
    """Optuna lists the parents by rank when it selects them and by number from then on; a resumed search selects them anew."""

    def get_parent_population(self, study: optuna.Study, generation: int) -> list[optuna.trial.FrozenTrial]:
        """By number."""
        return sorted(super().get_parent_population(study, generation), key=lambda trial: trial.number)
