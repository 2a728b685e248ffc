"""How much of being among the best trials each hyperparameter decides."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

from fairtune.metrics import SCORES, ranked
from fairtune.samplers import distribution
from fairtune.space import Space
from fairtune.study.record import Record

ENOUGH = 20
"""Complete trials of a method: of fewer, the best tenth is one."""


def importance(records: Sequence[Record], space: Space, score: str) -> dict[str, float] | None:
    """The share of each searched hyperparameter of one method in what sets the best tenth of its trials apart.

    S. Watanabe, A. Bansal, F. Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces", IJCAI
    2023, as Optuna has it. It takes milliseconds where fANOVA's forests take minutes for 2,000 trials.

    Args:
        records: trials of the method.
        space: of the method.
        score: in which trials are compared, as searches rank by it.

    Returns:
        By full name, shares that sum to 1, from the largest; None where fewer than :data:`ENOUGH` trials tell.
    """
    domains = {name: domain for name, domain in space.search.items() if domain.size > 1}
    distributions = {name: distribution(domain) for name, domain in domains.items()}
    trials = [
        create_trial(params={name: record.params[name] for name in domains}, distributions=distributions, value=value)
        for record in records
        if record.view is not None
        and math.isfinite(value := SCORES[score].cost(ranked(record.view.val).get(score, math.nan)))
        and all(name in record.params and domain.contains(record.params[name]) for name, domain in domains.items())
    ]
    if len(trials) < ENOUGH or not domains or len({trial.value for trial in trials}) == 1:
        return None
    if len(domains) == 1:
        return dict.fromkeys(domains, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(direction="minimize")
        study.add_trials(trials)
        found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return {name: float(share) for name, share in found.items()}
