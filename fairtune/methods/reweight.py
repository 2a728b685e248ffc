"""Reweighing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from fairtune.methods._base import Method
from fairtune.records import Batch, Floats, Ints
from fairtune.space import Real, hyperparameter


def reweighing(cells: Ints | Floats) -> Floats:
    """Weights that make label and group independent.

    Args:
        cells: samples per cell, or their shares ``(A, K)``.

    Returns:
        P(y) P(a) / P(y, a) ``(A, K)``, 1 for an empty cell.

    References:
        F. Kamiran, T. Calders, "Data Preprocessing Techniques for Classification without Discrimination", 2012.
    """
    expected = cells.sum(1, keepdims=True) * cells.sum(0, keepdims=True) / cells.sum()
    weights: Floats = np.where(cells > 0, expected / np.where(cells > 0, cells, 1), 1.0)
    return weights


@dataclass
class Reweighing(Method):
    """Weighs samples until label and group look independent (reweighing).

    L = mean of v(y, a) CE, v proportional to (P(y) P(a) / P(y, a))^weight and 1 on average: at 1 the published weights, at 0 plain
    training, beyond 1 rare combinations count for more than independence asks. P is the share among the samples drawn: in balanced
    batches there is nothing left to weigh, and it cannot be joined with a method that has them. Source: F. Kamiran, T. Calders,
    2012; the exponent is ours.
    """

    citation: ClassVar[str] = (
        "F. Kamiran, T. Calders, Data Preprocessing Techniques for Classification without Discrimination, Knowledge and "
        "Information Systems 2012"
    )

    only_balances: ClassVar[bool] = True
    per_sample: ClassVar[bool] = True

    weight: float = hyperparameter(1.0, Real(low=0, high=3), search=Real(low=0, high=2), help="exponent of the weights")

    def setup(self) -> None:
        """Weigh the samples as they are drawn."""
        shares = self.context.shares
        assert shares is not None
        weights = reweighing(shares) ** self.weight
        weights = weights / (shares * weights).sum()
        self.weights = torch.from_numpy(weights).to(self.context.device, self.context.dtype)

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor:
        """The weight of each sample's cell."""
        return self.weights[batch.a, batch.y]
