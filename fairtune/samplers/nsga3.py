"""An evolutionary algorithm for many objectives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import optuna
from optuna.samplers._lazy_random_state import LazyRandomState
from optuna.samplers._nsgaiii._elite_population_selection_strategy import NSGAIIIElitePopulationSelectionStrategy
from optuna.trial import FrozenTrial

from fairtune.samplers._base import Problem, Sampler
from fairtune.samplers._generations import LARGEST_POPULATION, InOrder


class NSGA3(Sampler):
    """Crosses and mutates the best settings of each generation: feasible before infeasible, then by fronts, then by directions.

    Where NSGA-II keeps those with few neighbours, which says little among three objectives or more, NSGA-III keeps some along each
    of evenly spread directions, as many as fit a generation. A generation is as large as the start-up of other samplers, and at
    most 50. Knows no conditional spaces. Source: K. Deb and H. Jain, IEEE Transactions on Evolutionary Computation 2014.
    """

    citation: ClassVar[str] = (
        "K. Deb, H. Jain, An Evolutionary Many-Objective Optimization Algorithm Using Reference-Point-Based Nondominated Sorting "
        "Approach, IEEE Transactions on Evolutionary Computation 2014"
    )

    chooses_methods: ClassVar[bool] = False

    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        """Optuna's."""
        population = min(LARGEST_POPULATION, problem.start)
        select = _Selection(population, len(problem.directions), problem.search_seed)
        return _InOrderOfThree(population_size=population, seed=problem.seed, elite_population_selection_strategy=select)


class _InOrderOfThree(InOrder, optuna.samplers.NSGAIIISampler):
    """Optuna's, the parents by number; its name is part of the marks of trials."""


class _Selection:
    """Who survives: Optuna's, its ties broken by draws that do not depend on which trial of a generation asks first.

    Args:
        population: how many survive.
        objectives: how many there are.
        seed: of the draws.
    """

    def __init__(self, population: int, objectives: int, seed: int) -> None:
        self._population = population
        self._divisions = _divisions(population, objectives)
        self._seed = seed

    def __call__(self, study: optuna.Study, population: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        draws = LazyRandomState(self._seed)
        select = NSGAIIIElitePopulationSelectionStrategy(
            population_size=self._population, dividing_parameter=self._divisions, rng=draws
        )
        return select(study, list(population))


def _divisions(population: int, objectives: int) -> int:
    """Into how many parts each axis is divided, so that there are as many directions as survivors, or the next fewer."""
    parts = 1
    while parts < population and math.comb(parts + objectives, objectives - 1) <= population:
        parts += 1
    return parts
