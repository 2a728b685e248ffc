"""Distributionally robust optimisation of the conditional value at risk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from fairtune.methods._base import Method
from fairtune.records import Batch
from fairtune.space import Real, hyperparameter


def worst_share_weights(losses: Tensor, alpha: float, *, break_ties: bool = False) -> Tensor:
    """Weights ``(B,)`` of mean 1 under which the mean loss is largest, none above 1 / alpha.

    Args:
        losses: ``(B,)``.
        alpha: the share of the worst losses, in (0, 1].
        break_ties: of equal losses at the threshold some get all that is left, as in SubpopBench's code; otherwise all get as much.

    References:
        D. Levy, Y. Carmon, J. C. Duchi, A. Sidford, "Large-Scale Methods for Distributionally Robust Optimization", NeurIPS 2020.
    """
    most, samples = alpha * len(losses), len(losses)
    whole = min(int(most), samples - 1)
    ordered = losses.sort(descending=True)
    if break_ties:
        weights = torch.zeros_like(losses)
        weights[ordered.indices[:whole]] = 1 / alpha
        weights[ordered.indices[whole]] = min(1 / alpha, (most - whole) / alpha)
        return weights
    threshold = ordered.values[whole]
    above, at = (losses > threshold).to(losses.dtype), (losses == threshold).to(losses.dtype)
    return (above + at * (most - above.sum()) / at.sum()) / alpha


@dataclass
class CVaRDRO(Method):
    """Trains on the worst share of each batch, whatever the groups (CVaR-DRO).

    L = the mean of the share ``alpha`` of the samples whose losses are largest. Source: J. Duchi, H. Namkoong, 2021; by batch D.
    Levy et al., NeurIPS 2020, as in SubpopBench (Y. Yang et al., ICML 2023), alpha 0.01 to 1; ``alpha`` 1 is plain training, below
    1 / B the worst sample alone. Where we differ: equal losses count alike; under ``official`` the order of the batch chooses among
    them.
    """

    citation: ClassVar[str] = (
        "D. Levy, Y. Carmon, J. C. Duchi, A. Sidford, Large-Scale Methods for Distributionally Robust Optimization, NeurIPS 2020"
    )

    alpha: float = hyperparameter(
        0.1, Real(low=1e-6, high=1, log=True), search=Real(low=0.01, high=1, log=True), help="share of the worst samples"
    )

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor:
        """All weight to the worst."""
        return worst_share_weights(losses, self.alpha, break_ties=self.context.protocol == "official")
