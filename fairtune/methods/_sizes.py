"""How many samples of each class and cell are drawn, as whoever weighs them must know."""

from __future__ import annotations

import torch
from torch import Tensor

from fairtune.methods._base import Context


def sizes_drawn(context: Context) -> Tensor:
    """Training samples per cell in what is drawn ``(A, K)``, float64: equal where batches are balanced."""
    assert context.shares is not None
    assert context.cells is not None
    return torch.from_numpy(context.shares * context.cells.sum())


def class_sizes_drawn(context: Context) -> Tensor:
    """Training samples per class in what is drawn ``(K,)``, float64."""
    return sizes_drawn(context).sum(0)
