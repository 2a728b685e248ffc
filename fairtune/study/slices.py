"""Optuna's storage in a database, which reads a study of many trials slice by slice."""

from __future__ import annotations

from collections.abc import Container

import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import text

_AT_A_TIME = 500
_BEHIND_ALL = 2**31 - 1
"""The largest id that a trial may have: Optuna keeps them in 32 bits."""


class SlicedStorage(optuna.storages.RDBStorage):
    """Reads all trials of a study some hundred at a time: the rows of all at once take more memory than what becomes of them."""

    def _get_trials(
        self, study_id: int, states: Container[TrialState] | None, included_trial_ids: set[int], trial_id_greater_than: int
    ) -> list[FrozenTrial]:
        """As the base class, from which Optuna asks for all trials as for those after none."""
        if included_trial_ids or trial_id_greater_than > -1:
            return super()._get_trials(study_id, states, included_trial_ids, trial_id_greater_than)
        ids = self._ids_in(study_id)
        trials: list[FrozenTrial] = []
        for at in range(0, len(ids), _AT_A_TIME):
            trials += super()._get_trials(study_id, states, set(ids[at : at + _AT_A_TIME]), _BEHIND_ALL)
        return trials

    def _ids_in(self, study_id: int) -> list[int]:
        with self.engine.connect() as connection:
            rows = connection.execute(text("SELECT trial_id FROM trials WHERE study_id = :study ORDER BY 1"), {"study": study_id})
            return list(rows.scalars())
