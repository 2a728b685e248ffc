"""Quasi-random search."""

from __future__ import annotations

from typing import ClassVar

import optuna

from fairtune.samplers._base import Problem, Sampler


class QuasiMonteCarlo(Sampler):
    """Fills the space more evenly than chance, by a scrambled Sobol sequence. Learns nothing.

    The methods of a list, and options, are walked through evenly too. The first setting is drawn at random; each session of a
    search that is resumed has a sequence of its own. Source: I. M. Sobol, USSR Comput. Math. Math. Phys. 1967.
    """

    citation: ClassVar[str] = (
        "I. M. Sobol, On the Distribution of Points in a Cube and the Approximate Evaluation of Integrals, USSR Comput. "
        "Math. Math. Phys. 1967"
    )

    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        """Optuna's."""
        return optuna.samplers.QMCSampler(scramble=True, seed=problem.seed, warn_independent_sampling=False)
