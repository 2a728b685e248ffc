"""Equal intersections over union."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fairtune.methods._hanel import FairnessLoss, Measure, iou


@dataclass
class EqualIOU(FairnessLoss):
    """Penalises groups whose intersection over union differs from the whole batch's (L_iou).

    L = CE + weight * sum_b (IOU_b - IOU)^2, soft, see :func:`fairtune.methods._hanel.iou`. A less confident net has smaller
    differences whatever its fairness, as the paper remarks. Source: T. Hänel et al., ACCV 2022, eq. (12).

    Where we differ (``protocol: official`` reproduces it): the authors' code takes the mean over groups, counts a class absent from
    a group as an IOU of 0, and makes the term 0 where a group is empty; with two classes their fairness losses see
    the logits halved.
    """

    measure: ClassVar[Measure] = iou
