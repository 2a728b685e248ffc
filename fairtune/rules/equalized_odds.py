"""The fairest trial that is accurate enough, its mistakes counted too."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._one_score import OneScore


class LowestEqualizedOdds(OneScore):
    """Lowest equalized odds difference among the feasible; of equals the most accurate, then the earliest.

    M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning", NeurIPS 2016, over all predicted classes. For
    two classes it is DEO_M as published; the rule ``deo_m`` goes by an estimate of that.
    """

    citation: ClassVar[str] = "M. Hardt, E. Price, N. Srebro, Equality of Opportunity in Supervised Learning, NeurIPS 2016"

    objectives: ClassVar = ("accuracy", "equalized_odds")
