"""The linear head that tells the group from embeddings, by which methods with gates measure what a net still knows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.methods._eager import LBFGS, SGD
from fairtune.methods._gates import Plateau

_EPOCHS, _PATIENCE, _THRESHOLD = 200, 5, 1e-3
_MOMENTUM, _WEIGHT_DECAY = 0.9, 1e-4


class PrivateHead(nn.Linear, ABC):
    """A linear layer from embeddings ``(N, D)`` to logits of groups ``(N, A)``; kinds differ in how they are trained."""

    lr: ClassVar[float]

    @abstractmethod
    def scaled(self, z: Tensor) -> Tensor:
        """The embeddings as the layer takes them."""

    @abstractmethod
    def fit(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Train to the end on pairs of embeddings and groups."""

    def forward(self, z: Tensor) -> Tensor:
        """Logits of the groups."""
        return super().forward(self.scaled(z))

    def guess(self, z: Tensor) -> Tensor:
        """Probabilities of the groups, in which a net may see what it tells: the head gets no gradient of them."""
        return F.linear(self.scaled(z), self.weight.detach(), self.bias.detach()).softmax(1)

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """How it is trained beside the net."""
        return SGD(parameters, lr=self.lr, momentum=_MOMENTUM, weight_decay=_WEIGHT_DECAY)


class AuthorsHead(PrivateHead):
    """Embeddings as they are, and SGD until the sum of an epoch's losses has not fallen by a thousandth for more than five epochs.

    A step of .1 is too long where embeddings have a mean square norm above some 75, since the loss bends with it: the head jumps
    about, and what it knows when it is asked depends on the rounding of numbers.
    """

    lr = 0.1

    def scaled(self, z: Tensor) -> Tensor:
        """Unchanged."""
        return z

    @torch.enable_grad()
    def fit(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        """By at most 200 epochs of SGD in the order of the batches."""
        optimizer = self.optimizer(self.parameters())
        plateau = Plateau(_PATIENCE, _THRESHOLD)
        for _ in range(_EPOCHS):
            total = torch.zeros(())
            for z, a in batches:
                optimizer.zero_grad()
                loss = F.cross_entropy(self(z), a)
                loss.backward()
                optimizer.step()
                total = total + loss.detach()
            if plateau.reached(float(total)):
                return


class ScaledHead(PrivateHead):
    """Embeddings in units of their root mean square norm, in which one step suits every net, and a fit to the least loss there is.

    Logistic regression with decayed weights has one best solution, which L-BFGS finds; so what a net is found to know depends on
    the net alone, neither on the head's last state nor on the order of the batches.
    """

    lr = 1.0

    def scaled(self, z: Tensor) -> Tensor:
        """Divided by the root of the mean of their squared norms; by 1 where all are 0."""
        square = z.square().sum(1).mean()
        return z / torch.where(square > 0, square, 1).sqrt()

    @torch.enable_grad()
    def fit(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        """By L-BFGS on all batches as one; embeddings of a net that has diverged teach nothing."""
        z, a = (torch.cat(parts) for parts in zip(*batches, strict=True))
        if not z.isfinite().all():
            return
        z = self.scaled(z)
        optimizer: torch.optim.Optimizer = LBFGS(
            self.parameters(), max_iter=_EPOCHS, tolerance_grad=1e-6, line_search_fn="strong_wolfe"
        )

        def loss() -> float:
            optimizer.zero_grad()
            decay = sum(parameter.square().sum() for parameter in self.parameters()) * (_WEIGHT_DECAY / 2)
            total = F.cross_entropy(F.linear(z, self.weight, self.bias), a) + decay
            total.backward()
            return float(total.detach())

        optimizer.step(loss)
