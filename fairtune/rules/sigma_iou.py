"""The fairest trial that is accurate enough, by the spread of the groups' intersection over union."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._one_score import OneScore


class LowestSigmaIOU(OneScore):
    """Lowest sigma_IOU among the feasible; of equals the most accurate, then the earliest.

    T. Hänel et al., ACCV 2022, search for this score alone. A net that always answers the same class can have 0, so here accuracy
    is the other objective, and the floor decides what may be chosen.
    """

    citation: ClassVar[str] = (
        "T. Hänel, N. Kumar, D. Schlesinger, M. Li, E. Ünal, A. Eslami, S. Gumhold, Enhancing Fairness of Visual "
        "Attribute Predictors, ACCV 2022"
    )

    objectives: ClassVar = ("accuracy", "sigma_iou")
