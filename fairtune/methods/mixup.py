"""Mixup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from fairtune.methods._base import Method, Progress
from fairtune.methods._mixing import drawn, mixed, quantiles
from fairtune.records import Batch
from fairtune.space import Real, hyperparameter


@dataclass
class Mixup(Method):
    """Trains on mixtures of two samples, as sure of either class as its share is large (mixup); groups play no part.

    x = s x_i + (1 - s) x_j, L = s CE(z, y_i) + (1 - s) CE(z, y_j), one s from Beta(alpha, alpha) for each batch, in which the
    others are a permutation. Source: H. Zhang, M. Cissé, Y. N. Dauphin, D. Lopez-Paz, "mixup: Beyond Empirical Risk Minimization",
    ICLR 2018, alpha 0.1 to 0.4; SubpopBench (Y. Yang et al., ICML 2023) searches 0.1 to 10. ``alpha`` 0 is plain training. Cannot
    be joined with what goes by the label or group of a sample.
    """

    citation: ClassVar[str] = (
        "H. Zhang, M. Cissé, Y. N. Dauphin, D. Lopez-Paz, mixup: Beyond Empirical Risk Minimization, ICLR 2018"
    )

    mixes: ClassVar[bool] = True

    alpha: float = hyperparameter(
        0.2, Real(low=0, high=100), search=Real(low=0.1, high=10, log=True), help="0 mixes nothing, large halves everything"
    )

    def setup(self) -> None:
        """Know the shares."""
        if self.alpha > 0:
            self.shares = quantiles(self.alpha).to(self.context.device, self.context.dtype)

    def prepare(self, batch: Batch, progress: Progress) -> Batch:
        """Mix."""
        if self.alpha == 0:
            return batch
        everyone = torch.arange(len(batch.y), device=batch.y.device)
        partner = torch.randperm(len(everyone), device=everyone.device)
        return mixed(batch, everyone, partner, drawn(self.shares, 1).expand(len(everyone)))
