"""The trial whose embedding ranks the groups least, if it is accurate enough."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._one_score import OneScore


class LowestBiasAUC(OneScore):
    """Lowest area under the ROC curve in telling the group from the embedding among the feasible; of equals the most accurate,
    then the earliest.

    By a classifier trained afterwards on half of the validation split and scored on the other (see
    :mod:`fairtune.training.probe`).
    """

    objectives: ClassVar = ("accuracy", "private_auc")
