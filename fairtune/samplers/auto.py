"""The sampler that fits a search."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import optuna

from fairtune.samplers._base import Problem, Sampler


class _Pick(NamedTuple):
    """A sampler, and why it is the one."""

    name: str
    reason: str


class Auto(Sampler):
    """Leaves it to the sampler that fits a method's space and the number of its trials.

    ``grid`` where every setting of a finite space is tried anyway: the order is all that there is to choose. ``qmc`` where half of
    the trials or more would be TPE's start-up, which it draws at random: the sequence covers the space more evenly. ``tpe``
    otherwise: it takes any number of objectives, options and the floor, and proposes in hundredths of a second where Gaussian
    processes take seconds. Among the methods of ``--joint`` TPE chooses, as it knows conditional spaces.
    """

    chooses_methods: ClassVar[bool] = False

    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        """That of the sampler picked."""
        return Sampler.load(pick(problem).name).build().on(problem)

    def explain(self, problem: Problem) -> str:
        """Which one, and why."""
        picked = pick(problem)
        return f"{picked.name}, {picked.reason}"


def pick(problem: Problem) -> _Pick:
    """The sampler for a problem."""
    size = math.prod(domain.size for domain in problem.search.values())
    if problem.trials >= size:
        return _Pick("grid", f"all {size:g} settings are tried")
    if problem.trials < 2 * problem.start:
        return _Pick("qmc", f"{problem.trials} trials are too few to learn from")
    return _Pick("tpe", "learns from accuracy, fairness and the floor")
