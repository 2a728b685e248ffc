"""Domain-independent training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.methods._base import Loop, Method, Progress
from fairtune.records import Batch, Outputs
from fairtune.space import Real, hyperparameter


@dataclass
class DomainIndependent(Method):
    """Trains one classifier head per group on shared features and adds them up at inference (domain-independent training).

    L = mean CE(head_a(embedding), y), each sample seen by its own group's head only; predictions add the heads' logits up, which
    needs no knowledge of the group. Source: Z. Wang et al., "Towards Fairness in Visual Recognition: Effective Strategies for
    Bias Mitigation", CVPR 2020, their best method, without prior shift.

    A sum of linear heads is a linear head, so the net's own head is set to it after each step: what is scored, saved and shipped is
    the plain net. Terms of other methods see that head's logits.
    """

    steps_net: ClassVar[bool] = True

    lr: float = hyperparameter(
        1e-3, Real(low=1e-8, high=1, log=True), search=Real(low=1e-4, high=1e-2, log=True), help="learning rate of the heads"
    )

    def setup(self) -> None:
        """Build the heads."""
        size = self.context.num_groups * self.context.num_classes
        self.heads = self.own(nn.Linear(self.context.embedding_size, size), self.lr)

    def task_loss(self, student: Outputs, batch: Batch) -> Tensor:
        """Cross-entropy of the head of each sample's group ``(B,)``."""
        assert student.embedding is not None
        logits = self.heads(student.embedding).unflatten(1, (self.context.num_groups, -1))
        own = F.one_hot(batch.a, self.context.num_groups).to(logits.dtype)
        return F.cross_entropy((logits * own[:, :, None]).sum(1), batch.y, reduction="none")

    @torch.no_grad()
    def inner_step(self, loop: Loop, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """Set the net's head to the sum of the heads."""
        groups = self.context.num_groups
        head = loop.net.head
        assert isinstance(head, nn.Linear)
        head.weight.copy_(self.heads.weight.view(groups, -1, self.context.embedding_size).sum(0))
        head.bias.copy_(self.heads.bias.view(groups, -1).sum(0))
        return {}
