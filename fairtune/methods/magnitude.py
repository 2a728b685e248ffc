"""Magnitude pruning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from fairtune.methods._base import Loop, Progress
from fairtune.methods._gates import layers, sparsity
from fairtune.methods._once import ChangesOnce
from fairtune.space import Real, hyperparameter


@dataclass
class MagnitudePruning(ChangesOnce):
    """Removes the smallest weights of the trained baseline, without training again: the control of the pruning methods.

    The share ``sparsity`` of all weights of convolutions and linear layers with the smallest absolute values, over all layers
    together, becomes 0. It takes one epoch, in which nothing is trained, so that no other method can be joined with it. Source: the
    comparison in R. Nahon et al., ECCV 2024, table 7, which does not say whether it ranks weights over all layers.
    """

    citation: ClassVar[str] = (
        "R. Nahon, I. L. De Moura Matos, V.-T. Nguyen, E. Tartaglione, Debiasing Surgeon: Fantastic Weights and How to "
        "Find Them, ECCV 2024"
    )

    per_sample: ClassVar[bool] = True
    alone: ClassVar[str] = "it trains nothing"

    sparsity: float = hyperparameter(0.5, Real(low=0, high=0.999), search=Real(low=0.1, high=0.98), help="share of weights removed")

    @torch.no_grad()
    def end_epoch(self, loop: Loop, means: Mapping[str, float], progress: Progress) -> dict[str, float]:
        """Prune."""
        weights = [layer.weight for layer in layers(loop.net)]
        magnitudes = torch.cat([weight.abs().flatten() for weight in weights])
        if removed := round(self.sparsity * len(magnitudes)):
            threshold = magnitudes.kthvalue(removed).values
            for weight in weights:
                weight.mul_(weight.abs() > threshold)
        return {"sparsity": sparsity(loop.net)}
