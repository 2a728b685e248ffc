"""The trial whose groups have the most equal true positive rates, if it is accurate enough."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._one_score import OneScore


class LowestEqualOpportunity(OneScore):
    """Smallest gap in the true positive rate of class 1 among the feasible; of equals the most accurate, then the earliest. Two
    classes only.

    M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning", NeurIPS 2016.
    """

    citation: ClassVar[str] = "M. Hardt, E. Price, N. Srebro, Equality of Opportunity in Supervised Learning, NeurIPS 2016"

    objectives: ClassVar = ("accuracy", "equal_opportunity")
