"""Balanced softmax."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from fairtune.methods._base import Method
from fairtune.methods._sizes import class_sizes_drawn
from fairtune.records import Batch, Outputs


@dataclass
class BalancedSoftmax(Method):
    """Trains with the classes' sizes added to the logits, and predicts without (balanced softmax); needs no groups.

    L = CE(z + log n, y). Source: J. Ren, C. Yu, S. Sheng, X. Ma, H. Zhao, S. Yi, H. Li, "Balanced Meta-Softmax for Long-Tailed
    Visual Recognition", NeurIPS 2020. Sizes are of what is drawn: in balanced batches it is plain training, and cannot be joined
    with a method that has them. A class without samples has probability 0 in training, as in the authors' code. No hyperparameters.
    """

    citation: ClassVar[str] = (
        "J. Ren, C. Yu, S. Sheng, X. Ma, H. Zhao, S. Yi, H. Li, Balanced Meta-Softmax for Long-Tailed Visual Recognition, "
        "NeurIPS 2020"
    )

    only_balances: ClassVar[bool] = True
    per_sample: ClassVar[bool] = True

    def setup(self) -> None:
        """Know the sizes."""
        sizes = class_sizes_drawn(self.context)
        self.offsets = torch.where(sizes > 0, sizes.clamp(min=1e-12).log(), -math.inf).to(self.context.device, self.context.dtype)

    def task_loss(self, student: Outputs, batch: Batch) -> Tensor:
        """Cross-entropies of the logits and the sizes' logarithms."""
        return F.cross_entropy(student.logits + self.offsets, batch.y, reduction="none")
