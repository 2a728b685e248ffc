"""Equalized odds as mutual information."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fairtune.methods._hanel import FairnessLoss, Measure, eo_mi


@dataclass
class EqualizedOddsMI(FairnessLoss):
    """Penalises the mutual information of group and prediction within each label (L_eo_mi).

    L = CE + weight * sum_y I(a; prediction | y), in nats, every label alike. Source: T. Hänel et al., ACCV 2022.

    Where we differ (``protocol: official`` reproduces it): one empty class makes the term 0 in the authors' code; with two classes
    their fairness losses see the logits halved.
    """

    measure: ClassVar[Measure] = eo_mi
