"""What evolutionary samplers share: generations that follow from the study alone, whichever session it is."""

from __future__ import annotations

import optuna
from optuna.samplers._ga import BaseGASampler

LARGEST_POPULATION = 50


class InOrder(BaseGASampler):
    """Optuna lists the parents by rank when it selects them and by number from then on; a resumed search selects them anew."""

    def get_parent_population(self, study: optuna.Study, generation: int) -> list[optuna.trial.FrozenTrial]:
        """By number."""
        return sorted(super().get_parent_population(study, generation), key=lambda trial: trial.number)
