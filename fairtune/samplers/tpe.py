"""The tree-structured Parzen estimator."""

from __future__ import annotations

from typing import Any, ClassVar  # noqa: TID251 (the types of Optuna's sampler)

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from fairtune.samplers._base import Problem, Sampler
from fairtune.samplers._window import Window


class TPE(Sampler):
    """Proposes what is likely among the best settings and unlikely among the others, by a density of each.

    Hyperparameters are modelled together, trials under way count as bad ones, infeasible trials come last. Of several objectives
    the non-dominated trials are the best. Of a long search it sees the latest 500 to 1,000 trials and the 25 best of those before,
    so that a proposal takes no longer the longer the search. Sources: J. Bergstra et al., NeurIPS 2011; Y. Ozaki et al., GECCO
    2020; S. Watanabe and F. Hutter, IJCAI 2023.
    """

    citation: ClassVar[str] = (
        "J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl, Algorithms for Hyper-Parameter Optimization, NeurIPS 2011"
    )

    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        """Optuna's, multivariate."""
        return _InWindow(n_startup_trials=problem.start, multivariate=True, constant_liar=True, seed=problem.seed)


class _InWindow(optuna.samplers.TPESampler):
    """Optuna's time grows with the trials that it sees."""

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Of what is seen."""
        return super().infer_relative_search_space(Window(study), trial)

    def sample_relative(self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """From what is seen."""
        return super().sample_relative(Window(study), trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """From what is seen."""
        return super().sample_independent(Window(study), trial, param_name, param_distribution)
