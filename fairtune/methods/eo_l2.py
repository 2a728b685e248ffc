"""Equalized odds as squared distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fairtune.methods._hanel import FairnessLoss, Measure, eo_l2


@dataclass
class EqualizedOddsL2(FairnessLoss):
    """Penalises predictions that differ between groups of one label, by squared distance (L_eo_l2).

    L = CE + weight * sum_{y,b,j} (P(j | y, b) - P(j | y))^2. Source: T. Hänel et al., ACCV 2022.

    Where we differ (``protocol: official`` reproduces it): one empty cell makes the term 0 in the authors' code; with two classes
    their fairness losses see the logits halved.
    """

    measure: ClassVar[Measure] = eo_l2
