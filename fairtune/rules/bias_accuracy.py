"""The trial from whose embedding the group can be told least, if it is accurate enough."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._one_score import OneScore


class LowestBiasAccuracy(OneScore):
    """Lowest private accuracy among the feasible; of equals the most accurate, then the earliest.

    How well the group is told from the embedding, by a classifier trained afterwards on half of the validation split and scored on
    the other (see :mod:`fairtune.training.probe`): what work on pruning for fairness calls bias accuracy.
    """

    objectives: ClassVar = ("accuracy", "private_accuracy")
