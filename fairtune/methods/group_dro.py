"""Group distributionally robust optimisation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.methods._base import Method
from fairtune.records import Batch
from fairtune.space import Real, hyperparameter


class _CellWeights(nn.Module):
    """How much each (y, a) cell counts: a distribution over cells that follows the worst losses.

    Args:
        samples: training samples per cell ``(A * K,)``; an empty cell gets no weight.
    """

    q: Tensor

    def __init__(self, samples: Tensor) -> None:
        super().__init__()
        present = (samples > 0).float()
        self.register_buffer("q", present / present.sum())

    def update(self, losses: Tensor, eta: float) -> None:
        """Multiply by exp(eta * loss) and normalise; ``losses`` are ``(A * K,)``, 0 for a cell that is not in the batch."""
        self.q.copy_(F.normalize(self.q * torch.exp(eta * (losses - losses.max())), p=1, dim=0))


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
        present = size.clamp(max=1)
        self.cells.update(present * (losses @ member / size.clamp(min=1) + self.bonus), self.eta)
        q = F.normalize(self.cells.q * present, p=1, dim=0)
        return 1 - self.weight + self.weight * len(losses) * (q / size.clamp(min=1))[cell]
