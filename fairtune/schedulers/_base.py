"""What a scheduler is, and all that it may see of a trial."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple

from fairtune.plugins import Pluggable

Verdict = Literal["go_on", "stop"]


class Standing(NamedTuple):
    """Where a trial stood at a rung.

    Attributes:
        number: of the trial.
        method: that it trains; methods that first train alone learn later than others.
        epoch: the rung, from 1.
        scores: on the validation split.
        feasible: whether accuracy reached the floor.
    """

    number: int
    method: str
    epoch: int
    scores: Mapping[str, float]
    feasible: bool


class Scheduler(Pluggable, ABC):
    """A scheduler.

    It keeps nothing: who was at a rung is read from the record of the search, so that a resumed search goes on with all of it.

    Args:
        objectives: names of the scores that it ranks by: those that the search's rule weighs, or their estimates.
    """

    kind: ClassVar = "scheduler"

    def __init__(self, objectives: Sequence[str]) -> None:
        self.objectives = tuple(objectives)

    @abstractmethod
    def rungs(self, epochs: int) -> Sequence[int]:
        """The epochs after which a trial of so many epochs is judged, from 1 to ``epochs - 1``, rising."""

    @abstractmethod
    def verdict(self, trial: Standing, others: Sequence[Standing]) -> Verdict:
        """Whether a trial that has come to a rung goes on. A function of its arguments alone.

        Args:
            trial: where it stands.
            others: all other trials that were at this rung before, whatever became of them, by number.
        """
