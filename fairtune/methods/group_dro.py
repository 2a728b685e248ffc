"""Group distributionally robust optimisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.methods._base import Method
from fairtune.records import Batch
from fairtune.space import Real, hyperparameter


class _CellWeights(nn.Module):
    """How much each (y, a) cell counts: a distribution over cells that follows the worst losses.

    Kept as logarithms: a cell that lost nothing for long would otherwise reach 0, and could never come back.

    Args:
        samples: training samples per cell ``(A * K,)``; an empty cell gets no weight.
    """

    log_q: Tensor

    def __init__(self, samples: Tensor) -> None:
        super().__init__()
        self.register_buffer("log_q", torch.log_softmax((samples > 0).double().log(), 0))

    def update(self, losses: Tensor, eta: float) -> None:
        """Multiply by exp(eta * loss) and normalise; ``losses`` are ``(A * K,)``, 0 for a cell that is not in the batch."""
        self.log_q.copy_(torch.log_softmax(self.log_q + eta * losses, 0))

    def within(self, present: Tensor) -> Tensor:
        """The distribution over the cells that are ``present`` ``(A * K,)``, 0 elsewhere."""
        return self.log_q.where(present, -torch.inf).softmax(0)


@dataclass
class GroupDRO(Method):
    """Minimises the loss of the worst (label, group) cell (group DRO).

    L = (1 - weight) * CE + weight * sum_c q_c CE_c over the cells c of the batch, q renormalised over them; after each batch
    q_c <- q_c exp(eta (CE_c + adjustment / sqrt(n_c))), normalised. Source: S. Sagawa et al., "Distributionally Robust
    Neural Networks for Group Shifts", ICLR 2020, algorithm 1.

    Where we differ: ``weight`` below 1 mixes plain training in, a trade-off to search; and q is renormalised over the cells that a
    batch holds, so that a batch lacking cells does not shrink the loss. The paper weighs down the net strongly too: search
    ``optimizer.weight_decay`` beside it.
    """

    citation: ClassVar[str] = (
        "S. Sagawa, P. W. Koh, T. B. Hashimoto, P. Liang, Distributionally Robust Neural Networks for Group Shifts, ICLR 2020"
    )

    weight: float = hyperparameter(1.0, Real(low=0, high=1), search=Real(low=0, high=1), help="share of the worst-cell loss")
    eta: float = hyperparameter(
        0.01, Real(low=0, high=10, log=True), search=Real(low=1e-3, high=1, log=True), help="step size of the cells' weights"
    )
    adjustment: float = hyperparameter(0.0, Real(low=0, high=100), help="generalisation bonus of small cells")

    def setup(self) -> None:
        """Start from equal weights."""
        assert self.context.cells is not None
        samples = torch.from_numpy(self.context.cells.ravel())
        self.cells = self.own(_CellWeights(samples), None)
        self.bonus = (self.adjustment / samples.clamp(min=1).sqrt()).to(self.context.device, self.context.dtype)

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor:
        """Every sample's share of its cell's weight."""
        cell = batch.a * self.context.num_classes + batch.y
        member = F.one_hot(cell, len(self.bonus)).to(losses.dtype)
        size = member.sum(0)
        present = size > 0
        self.cells.update(torch.where(present, losses @ member / size.clamp(min=1) + self.bonus, 0.0), self.eta)
        q = self.cells.within(present)
        return 1 - self.weight + self.weight * len(losses) * (q / size.clamp(min=1))[cell]
