"""Pairwise equal intersections over union."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fairtune.methods._hanel import FairnessLoss, Measure, iou_paired


@dataclass
class PairwiseEqualIOU(FairnessLoss):
    """Penalises pairs of groups whose intersections over union differ (paired L_iou).

    L = CE + weight * mean over pairs (IOU_b - IOU_b')^2, soft, see :func:`fairtune.methods._hanel.iou_paired`. Source: the code of
    T. Hänel et al., ACCV 2022; the paper does not have it.

    Where we differ (``protocol: official`` reproduces it): the authors' code counts a class absent from a group as an IOU of 0 and
    makes the term 0 where a group is empty; with two classes their fairness losses see the logits halved.
    """

    measure: ClassVar[Measure] = iou_paired
