"""Adversarial debiasing with one adversary per class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from fairtune.errors import Diverged
from fairtune.methods._adversaries import Adversaries, reversed_gradient
from fairtune.methods._base import Loop, Method, Progress
from fairtune.records import Batch, Outputs
from fairtune.space import Real, hyperparameter

_HIDDEN = 32
_HOPELESS = 5


def ad_loss(scores: Tensor, y: Tensor, a: Tensor, num_classes: int) -> Tensor:
    """Sum over the classes present of the mean cross-entropy of that class's adversary.

    Args:
        scores: of the groups, by the adversaries ``(B, A)``.
        y: labels ``(B,)``.
        a: groups ``(B,)``.
        num_classes: K.
    """
    sizes = F.one_hot(y, num_classes).sum(0).clamp(min=1)
    return (F.cross_entropy(scores, a, reduction="none") / sizes[y]).sum()


@dataclass
class AdversarialDebiasing(Method):
    """Hides the group from adversaries that look at the logits of one class each (AD).

    L = CE + sum over the classes present of CE_c(adversary_c(z), a): the adversaries descend it, and its gradient reaches the net
    reversed and multiplied by ``weight``. Source: B. H. Zhang, B. Lemoine, M. Mitchell, "Mitigating Unwanted Biases with
    Adversarial Learning", 2018, as changed by S. Jung et al., CVPR 2021 (an adversary per class, no projection). Published
    weights: 0.001 (CIFAR-10S), 0.01 (UTKFace), 10 (CelebA). A sum over classes: weights do not carry over between datasets.

    Where we differ: ``fixed`` lets the weight rise linearly over the first share ``ramp`` of the epochs and cuts the reversed
    gradient to sqrt(2 / B), the largest norm that the mean cross-entropy's can have, because the published runs diverged in part
    (accuracy 46 +- 30 on CIFAR-10S). ``official`` does neither. Under both the adversaries' learning rate is constant; the
    authors' code schedules it by the test loss. Their adversary cannot be built as published.
    """

    citation: ClassVar[str] = (
        "B. H. Zhang, B. Lemoine, M. Mitchell, Mitigating Unwanted Biases with Adversarial Learning, AIES 2018"
    )

    weight: float = hyperparameter(
        0.01, Real(low=0, log=True), search=Real(low=1e-4, high=100, log=True), help="strength of the reversed gradient"
    )
    lr: float = hyperparameter(0.003, Real(low=1e-8, high=1, log=True), help="learning rate of the adversaries")
    ramp: float = hyperparameter(0.5, Real(low=0, high=1), help="share of the epochs over which the weight rises")

    def setup(self) -> None:
        """Build the adversaries."""
        num_classes = self.context.num_classes
        self.adversaries = self.own(Adversaries(num_classes, num_classes, _HIDDEN, self.context.num_groups), self.lr)

    def strength(self, progress: Progress) -> float:
        """The weight in an epoch."""
        rising = self.ramp * progress.epochs
        if self.context.protocol == "official" or rising == 0:
            return self.weight
        return self.weight * min(1.0, (progress.epoch + 1) / rising)

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The adversaries' loss."""
        limit = math.inf if self.context.protocol == "official" else math.sqrt(2 / len(batch.y))
        seen = reversed_gradient(student.logits, self.strength(progress), limit)
        return {"ad": ad_loss(self.adversaries(seen, batch.y), batch.y, batch.a, self.context.num_classes)}

    def end_epoch(self, loop: Loop, means: Mapping[str, float], progress: Progress) -> dict[str, float]:
        """Stop a training that the adversaries have won."""
        guessing = math.log(self.context.num_classes)
        if means.get("ce", 0.0) > _HOPELESS * guessing:
            raise Diverged(
                f"the cross-entropy rose to {means['ce']:.3g}, that of guessing is {guessing:.3g}: the adversaries have won; "
                "lower ad.weight"
            )
        return {}
