"""What the methods share that train on mixtures of two samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.special import betaincinv
from torch import Tensor

from fairtune.records import Batch

_QUANTILES = 4096


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


def quantiles(alpha: float) -> Tensor:
    """Quantiles of Beta(alpha, alpha) at the middles of 4,096 equal shares, float64: shares of equal probability to draw from.

    A GPU can draw one without a wait, which sampling the distribution itself is not made for in every mode of torch.
    """
    return torch.from_numpy(betaincinv(alpha, alpha, (np.arange(_QUANTILES) + 0.5) / _QUANTILES))


def drawn(shares: Tensor, count: int) -> Tensor:
    """Some of the shares ``(count,)``, drawn from the default generator of their device."""
    return shares[torch.randint(len(shares), (count,), device=shares.device)]
