"""Quasi-random search."""

from __future__ import annotations

from typing import ClassVar

import optuna
from optuna.distributions import BaseDistribution

from fairtune.samplers._base import Problem, Sampler
from fairtune.samplers._distribution import distribution


class QuasiMonteCarlo(Sampler):
    """Fills the space more evenly than chance, by a scrambled Sobol sequence. Learns nothing.

    The methods of a list, and options, are walked through evenly too. The first setting is drawn at random. Source: I. M. Sobol,
    USSR Comput. Math. Math. Phys. 1967.
    """

    citation: ClassVar[str] = (
        "I. M. Sobol, On the Distribution of Points in a Cube and the Approximate Evaluation of Integrals, USSR Comput. "
        "Math. Math. Phys. 1967"
    )

    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        """Optuna's, at the place in the sequence that the trials so far have left."""
        return _FromHereOn(problem)


class _FromHereOn(optuna.samplers.QMCSampler):
    """Optuna counts its draws and infers its dimensions in the study, which a resumed search does not have; here they are known.

    Args:
        problem: says how many there have been.
    """

    def __init__(self, problem: Problem) -> None:
        first = optuna.samplers.RandomSampler(seed=problem.seed)
        super().__init__(scramble=True, seed=problem.search_seed, independent_sampler=first, warn_independent_sampling=False)
        self._next = problem.trials_so_far - 1
        self._space = {name: distribution(domain) for name, domain in problem.search.items()}

    def infer_relative_search_space(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> dict[str, BaseDistribution]:
        return {} if self._next < 0 else self._space

    def _find_sample_id(self, study: optuna.Study, search_space: dict[str, BaseDistribution]) -> int:
        self._next += 1
        return self._next - 1
