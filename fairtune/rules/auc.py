"""The trial that ranks best, of two classes."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._base import Rule, View


class HighestAUC(Rule):
    """Highest area under the ROC curve among the feasible; of equals the fairest by ``deo_m_shrunken``, then the earliest.

    Two classes only.

    Y. Zong, Y. Yang, T. Hospedales, "MEDFAIR: Benchmarking Fairness for Medical Imaging", ICLR 2023, compare selection by the
    overall area with selection by fairness.
    """

    citation: ClassVar[str] = "Y. Zong, Y. Yang, T. Hospedales, MEDFAIR: Benchmarking Fairness for Medical Imaging, ICLR 2023"

    objectives: ClassVar = ("auc", "deo_m")
    improves: ClassVar = "auc"

    def key(self, view: View) -> tuple[float, ...]:
        """The area from high to low, then DEO_M's estimate."""
        return *view.costs("auc", "deo_m"), view.number
