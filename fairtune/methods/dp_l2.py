"""Demographic parity as squared distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fairtune.methods._hanel import FairnessLoss, Measure, dp_l2


@dataclass
class DemographicParityL2(FairnessLoss):
    """Penalises predictions that differ between groups, by squared distance (L_dp_l2).

    L = CE + weight * sum_{b,j} (P(j | b) - P(j))^2. Source: T. Hänel et al., ACCV 2022.

    Where we differ (``protocol: official`` reproduces it): one empty group makes the term 0 in the authors' code; with two classes
    their fairness losses see the logits halved.
    """

    measure: ClassVar[Measure] = dp_l2
