"""Domain-independent training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from fairtune.methods._base import Loop, Method
from fairtune.methods._optimizer import adam
from fairtune.methods._parametrized import parametrizations_of
from fairtune.records import Batch, Outputs
from fairtune.space import Real, hyperparameter

_TENSORS = ("weight", "bias")


class _Joined(nn.Module):
    """A parametrisation that makes a tensor from one of its shape per group ``(A, ...)``: their mean or their sum.

    Args:
        num_groups: A.
        summed: the sum.
    """

    def __init__(self, num_groups: int, *, summed: bool) -> None:
        super().__init__()
        self.num_groups = num_groups
        self.summed = summed

    def forward(self, heads: Tensor) -> Tensor:
        """The tensor."""
        return heads.sum(0) if self.summed else heads.mean(0)

    def right_inverse(self, head: Tensor) -> Tensor:
        """Equal tensors of the groups that make this one."""
        own = head / self.num_groups if self.summed else head
        return own.expand(self.num_groups, *head.shape).clone()


@dataclass
class DomainIndependent(Method):
    """Trains one classifier head per group on shared features and joins them at inference (domain-independent training).

    L = mean CE(head_a(embedding), y), each sample seen by its own group's head only; predictions take the mean of the heads'
    logits, which needs no knowledge of the group. Source: Z. Wang et al., "Towards Fairness in Visual Recognition: Effective
    Strategies for Bias Mitigation", CVPR 2020, their best method, without prior shift.

    A mean of linear heads is a linear head: the net's own, which is a function of the heads throughout training, so that terms of
    other methods train the heads, and a plain layer after it. Every head starts from the net's, the baseline's where training
    starts from the baseline. The heads have an Adam of their own, at ``lr``, with the schedule and the weight decay of the net's
    optimiser.

    Where we differ (``protocol: official`` reproduces it): the paper adds the logits up. The mean predicts the same class and
    is as confident as the heads are, where the sum's confidence grows with the number of groups.
    """

    citation: ClassVar[str] = (
        "Z. Wang, K. Qinami, I. C. Karakozis, K. Genova, P. Nair, K. Hata, O. Russakovsky, Towards Fairness in Visual "
        "Recognition: Effective Strategies for Bias Mitigation, CVPR 2020"
    )

    steps_net: ClassVar[bool] = True
    per_sample: ClassVar[bool] = True

    lr: float = hyperparameter(
        1e-3, Real(low=1e-8, high=1, log=True), search=Real(low=1e-4, high=1e-2, log=True), help="learning rate of the heads"
    )

    def setup(self) -> None:
        """Put the heads in the place of the net's."""
        head = self._head_of(self.context.net)
        for name in _TENSORS:
            joined = _Joined(self.context.num_groups, summed=self.context.protocol == "official")
            parametrize.register_parametrization(head, name, joined)
        heads = nn.ParameterList(parametrizations_of(head)[name].original for name in _TENSORS)
        self.heads = self.own(heads, adam(self.lr, self.context.optimizer.weight_decay), scheduled=True)

    def task_loss(self, student: Outputs, batch: Batch) -> Tensor:
        """Cross-entropy of the head of each sample's group ``(B,)``."""
        assert student.embedding is not None
        weight, bias = self.heads
        logits = F.linear(student.embedding, weight.flatten(0, 1), bias.flatten()).view(-1, *bias.shape)
        own = F.one_hot(batch.a, len(bias)).to(logits.dtype)
        return F.cross_entropy((logits * own[:, :, None]).sum(1), batch.y, reduction="none")

    def finish(self, loop: Loop) -> None:
        """Leave the plain head that they make."""
        for name in _TENSORS:
            parametrize.remove_parametrizations(self._head_of(loop.net), name, leave_parametrized=True)

    @staticmethod
    def _head_of(net: nn.Module | None) -> nn.Linear:
        assert net is not None
        assert isinstance(net.head, nn.Linear)
        return net.head
