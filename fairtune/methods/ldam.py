"""Label-distribution-aware margins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from fairtune.methods._base import Method
from fairtune.methods._sizes import class_sizes_drawn
from fairtune.records import Batch, Outputs
from fairtune.space import Options, Real, hyperparameter


def margins(class_sizes: Tensor, largest: float) -> Tensor:
    """Margins of the classes ``(K,)``: proportional to n_y^(-1/4), the smallest class's ``largest``; 0 for one without samples."""
    inverse = torch.where(class_sizes > 0, class_sizes.clamp(min=torch.finfo(class_sizes.dtype).tiny) ** -0.25, 0.0)
    return largest * inverse / inverse.max()


@dataclass
class LDAM(Method):
    """Asks for larger margins of smaller classes (LDAM); needs no groups.

    L = CE(scale * (z - m_y onehot_y), y), m_y proportional to n_y^(-1/4) and at most ``max_margin``. Source: K. Cao, C. Wei, A.
    Gaidon, N. Arechiga, T. Ma, "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", NeurIPS 2019, as
    SubpopBench (Y. Yang et al., ICML 2023) has it: without the normalised linear layer and the late weighing of classes (DRW) of
    the authors' code. Sizes are of what is drawn: in balanced batches all margins are equal.

    The scale is a part of the loss alone, there as here. The net that is handed over has logits without it, so that at a scale of
    30 its probabilities are far less sure than it is right: on ``digits`` a mean confidence of 0.27 at an accuracy of 0.95. The
    score ``loss``, a plateau of the learning rate and thresholds see these.

    Where we differ: a class without samples has no margin, where the authors' code divides by 0.
    """

    citation: ClassVar[str] = (
        "K. Cao, C. Wei, A. Gaidon, N. Arechiga, T. Ma, Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss, "
        "NeurIPS 2019"
    )

    per_sample: ClassVar[bool] = True

    max_margin: float = hyperparameter(
        0.5, Real(low=0, high=10), search=Real(low=0.1, high=0.8, log=True), help="margin of the smallest class"
    )
    scale: float = hyperparameter(
        30.0, Real(low=1e-3, high=1e3, log=True), search=Options(values=(1.0, 10.0, 30.0)), help="of the logits"
    )

    def setup(self) -> None:
        """Set the margins."""
        of_classes = margins(class_sizes_drawn(self.context), self.max_margin)
        self.margins = of_classes.to(self.context.device, self.context.dtype)

    def task_loss(self, student: Outputs, batch: Batch) -> Tensor:
        """Cross-entropies of the logits less their margins."""
        own = F.one_hot(batch.y, self.context.num_classes).to(student.logits.dtype)
        return F.cross_entropy(self.scale * (student.logits - own * self.margins), batch.y, reduction="none")
