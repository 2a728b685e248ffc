"""Demographic parity as mutual information."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fairtune.methods._hanel import FairnessLoss, Measure, dp_mi


@dataclass
class DemographicParityMI(FairnessLoss):
    """Penalises the mutual information of group and prediction (L_dp_mi).

    L = CE + weight * I(a; prediction), in nats, estimated from the batch's mean predictions. Source: T. Hänel et al., ACCV 2022.

    Where we differ (``protocol: official`` reproduces it): with two classes the authors' fairness losses see the logits halved.
    """

    measure: ClassVar[Measure] = dp_mi
