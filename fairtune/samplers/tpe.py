"""The tree-structured Parzen estimator."""

from __future__ import annotations

from typing import ClassVar

import optuna

from fairtune.samplers._base import Problem, Sampler


class TPE(Sampler):
    """Proposes what is likely among the best settings and unlikely among the others, by a density of each.

    Hyperparameters are modelled together, trials under way count as bad ones, infeasible trials come last. Of several objectives
    the non-dominated trials are the best. Sources: J. Bergstra et al., NeurIPS 2011; Y. Ozaki et al., GECCO 2020; S. Watanabe
    and F. Hutter, IJCAI 2023.
    """

    citation: ClassVar[str] = (
        "J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl, Algorithms for Hyper-Parameter Optimization, NeurIPS 2011"
    )

    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        """Optuna's, multivariate."""
        return optuna.samplers.TPESampler(n_startup_trials=problem.start, multivariate=True, constant_liar=True, seed=problem.seed)
