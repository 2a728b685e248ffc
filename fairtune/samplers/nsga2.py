"""An evolutionary algorithm."""

from __future__ import annotations

from typing import ClassVar

import optuna

from fairtune.samplers._base import Problem, Sampler
from fairtune.samplers._generations import LARGEST_POPULATION, InOrder


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
        return _InOrder(population_size=min(LARGEST_POPULATION, problem.start), seed=problem.seed)


class _InOrder(InOrder, optuna.samplers.NSGAIISampler):
    """Optuna's, the parents by number; its name is part of the marks of trials."""
