"""Samplers as somebody else would write them."""

from typing import ClassVar

import optuna

from fairtune.samplers import Problem, Sampler


class Grid(Sampler):
    """Walks over the options in order; knows one objective only."""

    several_objectives: ClassVar[bool] = False

    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        return optuna.samplers.GridSampler({name: domain.values for name, domain in problem.search.items()}, seed=problem.seed)


class Chance(Sampler):
    """Draws at random, for however many objectives."""

    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        return optuna.samplers.RandomSampler(seed=problem.seed)
