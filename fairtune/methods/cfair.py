"""Conditional learning of fair representations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fairtune.errors import InvalidInput
from fairtune.methods._adversaries import Adversaries, reversed_gradient
from fairtune.methods._base import Method, Progress
from fairtune.records import Batch, Floats, Outputs
from fairtune.space import Integer, Options, Real, hyperparameter


def cfair_loss(scores: Tensor, y: Tensor, a: Tensor, weights: Tensor, *, num_classes: int, strict: bool = False) -> Tensor:
    """Mean over classes of the weighted mean cross-entropy of the class's adversary.

    Args:
        scores: of the groups, each sample's by the adversary of its class ``(B, A)``.
        y: labels ``(B,)``.
        a: groups ``(B,)``.
        weights: of the samples ``(B,)``.
        num_classes: K.
        strict: NaN as soon as a class is absent, as in the authors' code; otherwise it adds nothing.

    References:
        H. Zhao, A. Coston, T. Adel, G. J. Gordon, "Conditional Learning of Fair Representations", ICLR 2020.
    """
    classes = F.one_hot(y, num_classes).to(scores.dtype)
    totals = classes.T @ weights
    losses = F.cross_entropy(scores, a, reduction="none")
    mean = (weights * losses / totals.clamp(min=torch.finfo(scores.dtype).tiny)[y]).sum() / num_classes
    return mean + torch.where((totals > 0).all(), 0.0, math.nan) if strict else mean


def balancing(shares: Floats, *, swapped: bool = False) -> Floats:
    """Weights of the cells by which the error of a class's adversary is balanced over groups.

    Args:
        shares: of the cells ``(A, K)``.
        swapped: with the roles of label and group exchanged, as in the authors' code; wants as many groups as classes.

    Returns:
        1 / P(a | y) ``(A, K)``; 0 for an empty cell.
    """
    counted = shares.T if swapped else shares
    weights: Floats = np.where(counted > 0, counted.sum(0, keepdims=True) / np.where(counted > 0, counted, 1), 0.0)
    return weights


@dataclass
class CFair(Method):
    """Hides the group within each class from an adversary of the class, errors balanced (CFair).

    L = task + weight / K * sum_y CE_y(adversary_y(e), a), each CE_y a mean weighted by 1 / P(a | y), its gradient reversed on the
    way to the net. ``task`` weighs classes alike in the task loss too, as the authors' ``cfair`` does; ``off`` is their
    ``cfair-eo``, and the default, because a weight of 0 is plain training then. Source: H. Zhao et al., ICLR 2020; weights 0.1 to
    1000.

    Where we differ: ``official`` weighs the adversaries as the authors' code does, in which label and group have changed places; it
    wants as many groups as classes, and is NaN in a batch that lacks a class. Shares are of what is drawn.
    """

    citation: ClassVar[str] = "H. Zhao, A. Coston, T. Adel, G. J. Gordon, Conditional Learning of Fair Representations, ICLR 2020"

    weight: float = hyperparameter(
        0.1, Real(low=0, log=True), search=Real(low=0.01, high=100, log=True), help="of the adversaries' loss"
    )
    task: str = hyperparameter("off", Options(values=("off", "balanced")), help="whether classes count alike in the task loss")
    lr: float = hyperparameter(1e-3, Real(low=1e-8, high=1, log=True), help="learning rate of the adversaries")
    width: int = hyperparameter(128, Integer(low=1, high=4096), help="of the adversaries' hidden layer")

    def setup(self) -> None:
        """Build the adversaries.

        Raises:
            InvalidInput: the authors' weights make no sense for these data.
        """
        context = self.context
        swapped = context.protocol == "official"
        if swapped and context.num_classes != context.num_groups:
            raise InvalidInput(
                f"cfair under protocol official exchanges label and group, of which there are {context.num_classes} and "
                f"{context.num_groups}: use protocol fixed"
            )
        assert context.shares is not None
        self.cell_weights = torch.from_numpy(balancing(context.shares, swapped=swapped)).to(context.device, context.dtype)
        of_class = context.shares.sum(0)
        task = np.where(of_class > 0, 1 / np.where(of_class > 0, of_class, 1), 0.0)
        self.task_weights = torch.from_numpy(task).to(context.device, context.dtype)
        net = Adversaries(context.num_classes, context.embedding_size, self.width, context.num_groups)
        self.adversaries = self.own(net, self.lr)

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor | None:
        """Inverse shares of the classes, as the weights of a mean."""
        if self.task == "off":
            return None
        weights = self.task_weights[batch.y]
        return weights / weights.mean()

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The weighted loss of the adversaries."""
        assert student.embedding is not None
        scores = self.adversaries(reversed_gradient(student.embedding, 1.0), batch.y)
        weights = self.cell_weights[batch.a, batch.y]
        strict = self.context.protocol == "official"
        adversaries = cfair_loss(scores, batch.y, batch.a, weights, num_classes=self.context.num_classes, strict=strict)
        return {"cfair": self.weight * adversaries}
