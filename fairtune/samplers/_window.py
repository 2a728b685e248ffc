"""What a sampler that learns from every trial learns from in a long search: the best so far and the latest."""

from __future__ import annotations

from collections.abc import Container

import optuna
from optuna.samplers._tpe.sampler import _split_trials
from optuna.trial import FrozenTrial, TrialState

_BLOCK = 500
_BEST = 25
"""As many as TPE takes for its density of good settings at most."""
_NOTED = "window"
_LEARNT_FROM = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)


class Window(optuna.Study):
    """A study as long as two blocks of trials; of the blocks before, their 25 best trials together, by TPE's own order.

    It follows from the trials alone. Which the best of old blocks are is noted in the study, so that each block is sorted once. A
    block in which a trial still runs is not old.

    Args:
        study: of all trials.
    """

    def __init__(self, study: optuna.Study) -> None:
        vars(self).update(vars(study))

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        trials = self._storage.get_all_trials(self._study_id, deepcopy=False, states=_LEARNT_FROM)
        old = self._old_blocks(trials)
        seen = [*self._best(trials, old), *trials[old * _BLOCK :]]
        return [trial for trial in seen if states is None or trial.state in states]

    def _old_blocks(self, trials: list[FrozenTrial]) -> int:
        ended = self._noted()[0]
        while ended < len(trials) // _BLOCK - 1 and all(trial.state.is_finished() for trial in _block(trials, ended)):
            ended += 1
        return ended

    def _best(self, trials: list[FrozenTrial], old: int) -> list[FrozenTrial]:
        blocks, ids = self._noted()
        best = [self._storage.get_trial(trial_id) for trial_id in ids]
        if blocks < old:
            for block in range(blocks, old):
                best, _ = _split_trials(self, [*best, *_block(trials, block)], _BEST)
            self._storage.set_study_system_attr(self._study_id, _NOTED, [old, *(trial._trial_id for trial in best)])
        return best

    def _noted(self) -> tuple[int, list[int]]:
        """How many blocks are old, and the trials that were the best of them."""
        blocks, *ids = self._storage.get_study_system_attrs(self._study_id).get(_NOTED, [0])
        return blocks, ids


def _block(trials: list[FrozenTrial], number: int) -> list[FrozenTrial]:
    return trials[number * _BLOCK : (number + 1) * _BLOCK]
