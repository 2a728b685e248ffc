"""Stock asynchronous successive halving."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from fairtune.schedulers._base import Standing
from fairtune.schedulers._halving import Halving, Ranking


@dataclass
class Asha(Halving):
    """Asynchronous successive halving by one score, the rule's first objective: accuracy for the shipped rules of fairness.

    Blind to the accuracy floor, to the other objectives and to noise: fair trials that learn slowly are stopped. It is here to be
    compared with. Source: L. Li et al., MLSys 2020. There a trial waits at a rung until eta have come; here the first goes on at
    once, as in the authors' "stopping" variant, and who waits is promoted as in their paper.
    """

    citation: ClassVar[str] = (
        "L. Li, K. Jamieson, A. Rostamizadeh, E. Gonina, J. Ben-tzur, M. Hardt, B. Recht, A. Talwalkar, A System for Massively "
        "Parallel Hyperparameter Tuning, MLSys 2020"
    )

    def ranking(self, standings: Sequence[Standing]) -> Ranking:
        """By the first objective; of equals the earlier trial is ahead."""
        return _ByScore(standings, self.objectives[0])


class _ByScore(Ranking):
    def __init__(self, standings: Sequence[Standing], score: str) -> None:
        self._score = score
        self._keys = sorted((standing.cost(score), standing.number) for standing in standings)
        self.numbers = [number for _, number in self._keys]

    def ahead_of(self, trial: Standing) -> int:
        """Its place: it is judged as it stands."""
        return bisect_left(self._keys, (trial.cost(self._score), trial.number))
