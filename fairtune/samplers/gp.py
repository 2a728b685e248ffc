"""Bayesian optimisation."""

from __future__ import annotations

from typing import ClassVar

import optuna

from fairtune.samplers._base import Problem, Sampler


class GaussianProcess(Sampler):
    """Proposes the setting that promises most, by Gaussian processes of the objectives and the accuracy floor.

    What is promised is the logarithm of the expected improvement, of the front's hypervolume where there are several objectives.
    Knows no conditional spaces. Sources: S. Ament et al., NeurIPS 2023; S. Daulton et al., NeurIPS 2020.
    """

    citation: ClassVar[str] = (
        "S. Ament, S. Daulton, D. Eriksson, M. Balandat, E. Bakshy, Unexpected Improvements to Expected Improvement for "
        "Bayesian Optimization, NeurIPS 2023"
    )

    chooses_methods: ClassVar[bool] = False

    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        """Optuna's."""
        return optuna.samplers.GPSampler(n_startup_trials=problem.start, seed=problem.seed)
