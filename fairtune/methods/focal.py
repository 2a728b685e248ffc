"""Focal loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from fairtune.methods._base import Method
from fairtune.records import Batch, Outputs
from fairtune.space import Real, hyperparameter


def focal_losses(logits: Tensor, y: Tensor, gamma: float) -> Tensor:
    """(1 - p_y)^gamma CE of each sample ``(B,)``, the gradient through both factors.

    Args:
        logits: ``(B, K)``.
        y: labels ``(B,)``.
        gamma: how much less easy samples count, at least 0.

    References:
        T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár, "Focal Loss for Dense Object Detection", ICCV 2017.
    """
    losses = F.cross_entropy(logits, y, reduction="none")
    doubt = -torch.expm1(-losses)
    return doubt.clamp(min=torch.finfo(doubt.dtype).tiny) ** gamma * losses


@dataclass
class Focal(Method):
    """Lets samples count less the surer the net is of them (focal loss); needs no groups.

    L = mean (1 - p_y)^gamma CE; at ``gamma`` 0 plain training. Source: T.-Y. Lin et al., ICCV 2017, gamma 2, without its weights
    of classes; SubpopBench (Y. Yang et al., ICML 2023) searches 0.5 to 5.
    """

    citation: ClassVar[str] = "T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár, Focal Loss for Dense Object Detection, ICCV 2017"

    per_sample: ClassVar[bool] = True

    gamma: float = hyperparameter(2.0, Real(low=0, high=20), search=Real(low=0, high=5), help="how much less easy samples count")

    def task_loss(self, student: Outputs, batch: Batch) -> Tensor:
        """The focal losses."""
        return focal_losses(student.logits, batch.y, self.gamma)
