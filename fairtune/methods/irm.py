"""Invariant risk minimisation over groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from fairtune.methods._base import Method, Progress
from fairtune.records import Batch, Outputs
from fairtune.space import Real, hyperparameter


def irm_penalty(logits: Tensor, y: Tensor, a: Tensor, *, num_groups: int, halved: bool = False) -> Tensor:
    """Mean over the groups present of an estimate of the squared derivative of their risk by a factor of the logits.

    With d_i = d CE(w z_i, y_i) / dw at w = 1 the estimate is the mean of d_i d_j over pairs of two samples: unbiased, so that it
    can be negative.

    Args:
        logits: ``(B, K)``.
        y: labels ``(B,)``.
        a: groups ``(B,)``.
        num_groups: A.
        halved: only pairs of a sample at an even place of its group and one at an odd place, as in DomainBed's code; otherwise all.
            A group of one sample adds 0.

    References:
        M. Arjovsky, L. Bottou, I. Gulrajani, D. Lopez-Paz, "Invariant Risk Minimization", 2019.
    """
    member = F.one_hot(a, num_groups).to(logits.dtype)
    size = member.sum(0)
    d = (logits.softmax(1) * logits).sum(1) - logits.gather(1, y[:, None]).squeeze(1)
    if halved:
        odd = ((member.cumsum(0) - 1) % 2) * member
        even = member - odd
        squares = (d @ even / even.sum(0).clamp(min=1)) * (d @ odd / odd.sum(0).clamp(min=1))
    else:
        squares = ((d @ member).square() - d.square() @ member) / (size * (size - 1)).clamp(min=1)
    return squares.sum() / (size > 0).sum()


def group_mean_loss(losses: Tensor, a: Tensor, num_groups: int) -> Tensor:
    """Mean over the groups present of their mean loss; ``losses`` and ``a`` are ``(B,)``."""
    member = F.one_hot(a, num_groups).to(losses.dtype)
    size = member.sum(0)
    return (losses @ member / size.clamp(min=1)).sum() / (size > 0).sum()


@dataclass
class IRM(Method):
    """Asks that one classifier be optimal for every group at once (IRM).

    L = CE + weight * penalty, the squared derivative of a group's risk by a factor of its logits; for the first share ``warm_up``
    of the epochs a weight above 1 counts as 1. Source: M. Arjovsky et al., 2019; with groups as environments as in SubpopBench (Y.
    Yang et al., ICML 2023), after DomainBed; weights 0.1 to 1e5.

    Where we differ (``protocol: official`` reproduces it): DomainBed estimates from pairs that the order of the batch chooses, ours
    is the same in expectation from all; and it weighs groups alike in the cross-entropy too, so that weight 0 is no plain training.
    Its warm-up is of 1 to 10,000 updates, ours a share of the epochs; Adam is not started anew after it.
    """

    citation: ClassVar[str] = "M. Arjovsky, L. Bottou, I. Gulrajani, D. Lopez-Paz, Invariant Risk Minimization, 2019"

    weight: float = hyperparameter(
        100.0, Real(low=0, log=True), search=Real(low=0.1, high=1e4, log=True), help="of the penalty after the warm-up"
    )
    warm_up: float = hyperparameter(
        0.2, Real(low=0, high=1), search=Real(low=0, high=0.8), help="share of the epochs in which the weight is at most 1"
    )

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The weighted penalty and, under ``official``, what makes groups count alike."""
        official = self.context.protocol == "official"
        warming = progress.epoch < self.warm_up * progress.epochs
        weight = min(self.weight, 1.0) if warming else self.weight
        penalty = irm_penalty(student.logits, batch.y, batch.a, num_groups=self.context.num_groups, halved=official)
        terms = {"irm": weight * penalty}
        if official:
            losses = F.cross_entropy(student.logits, batch.y, reduction="none")
            terms["groups_alike"] = group_mean_loss(losses, batch.a, self.context.num_groups) - losses.mean()
        return terms
