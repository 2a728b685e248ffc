"""Weights of cells by their size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from fairtune.methods._base import Method
from fairtune.methods._sizes import sizes_drawn
from fairtune.records import Batch
from fairtune.space import Real, hyperparameter


def effective_number(sizes: Tensor, beta: float) -> Tensor:
    """(1 - beta^n) / (1 - beta): of n samples that overlap how many tell something new; n itself for ``beta`` 1.

    References:
        Y. Cui, M. Jia, T.-Y. Lin, Y. Song, S. Belongie, "Class-Balanced Loss Based on Effective Number of Samples", CVPR 2019.
    """
    return sizes if beta == 1 else (1 - beta**sizes) / (1 - beta)


@dataclass
class CellWeights(Method):
    """Weighs samples by the size of their (label, group) cell.

    L = mean of v(y, a) CE, v proportional to E(n_ya)^-weight: at ``weight`` 0 plain training, at 1/2 SubpopBench's SqrtReWeight, at
    1 its ReWeight, which every cell counts alike under; with ``beta`` below 1 its CBLoss. Sources: Y. Yang, H. Zhang, D. Katabi, M.
    Ghassemi, "Change is Hard: A Closer Look at Subpopulation Shift", ICML 2023; Y. Cui et al., CVPR 2019, for classes. Sizes are of
    what is drawn: in balanced batches there is nothing to weigh.

    Where we differ: weights are 1 on average over what is drawn, so that the learning rate means the same whatever the cells. Under
    ``official`` they are 1 on average over the cells.
    """

    citation: ClassVar[str] = (
        "Y. Yang, H. Zhang, D. Katabi, M. Ghassemi, Change is Hard: A Closer Look at Subpopulation Shift, ICML 2023"
    )

    only_balances: ClassVar[bool] = True
    per_sample: ClassVar[bool] = True

    weight: float = hyperparameter(1.0, Real(low=0, high=3), search=Real(low=0, high=2), help="exponent of the inverse sizes")
    beta: float = hyperparameter(1.0, Real(low=0, high=1), help="what counts as a cell's size: 1 its samples, below fewer of many")

    def setup(self) -> None:
        """Weigh the samples as they are drawn."""
        sizes = sizes_drawn(self.context)
        weights = torch.where(sizes > 0, effective_number(sizes, self.beta).clamp(min=1e-12) ** -self.weight, 0.0)
        official = self.context.protocol == "official"
        mean = weights.mean() if official else (weights * sizes).sum() / sizes.sum()
        self.weights = (weights / mean).to(self.context.device, self.context.dtype)

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor:
        """The weight of each sample's cell."""
        return self.weights[batch.a, batch.y]
