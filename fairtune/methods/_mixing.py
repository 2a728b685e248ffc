"""What the methods share that train on mixtures of two samples."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from fairtune.records import Batch


def mixed(batch: Batch, first: Tensor, second: Tensor, share: Tensor) -> Batch:
    """Mixtures of pairs of a batch's samples; what is known of each beside its image and label is that of the first.

    Args:
        batch: the batch.
        first: positions of the first of each pair ``(M,)``.
        second: of the other.
        share: how much the first is of the mixture ``(M,)``, in [0, 1].
    """
    of_x = share.view(-1, *[1] * (batch.x.dim() - 1))
    return replace(
        batch,
        x=of_x * batch.x[first] + (1 - of_x) * batch.x[second],
        y=batch.y[first],
        a=batch.a[first],
        index=batch.index[first],
        attribute=None if batch.attribute is None else batch.attribute[first],
        share=share,
        y2=batch.y[second],
    )


def drawn_shares(alpha: float, count: int) -> Tensor:
    """Shares from Beta(alpha, alpha) ``(count,)``, float64, drawn from torch's default generator of the CPU."""
    both = torch.full((count, 2), alpha, dtype=torch.float64)
    return torch.distributions.Dirichlet(both, validate_args=False).sample()[:, 0]  # what Beta draws, whose check reads its values
