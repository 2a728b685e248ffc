"""Chance."""

from __future__ import annotations

from typing import ClassVar

import optuna

from fairtune.samplers._base import Problem, Sampler


class RandomSearch(Sampler):
    """Draws every value, and the method, independently and evenly.

    Source: J. Bergstra and Y. Bengio, JMLR 2012.
    """

    citation: ClassVar[str] = "J. Bergstra, Y. Bengio, Random Search for Hyper-Parameter Optimization, JMLR 2012"

    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        """Optuna's."""
        return optuna.samplers.RandomSampler(seed=problem.seed)
