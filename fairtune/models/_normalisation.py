"""What a net does to its inputs first."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

PREFIX = "normalise."
"""What the names of its buffers begin with in the state dict of a net."""


class Normalisation(nn.Module):
    """Standardises each channel of images, or vectors as a whole; leaves inputs as they are until :meth:`set` says otherwise.

    Mean and deviation are buffers, so that they travel with the weights that were trained on inputs standardised by them.

    Args:
        shape: of one input, ``(C, H, W)`` or ``(F,)``.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        size = (shape[0], 1, 1) if len(shape) == 3 else (1,)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("std", torch.ones(size))

    def set(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Standardise by these, one of each for every channel of images in [0, 1]."""
        for buffer, values in ((self.mean, mean), (self.std, std)):
            buffer.copy_(torch.tensor(values, dtype=buffer.dtype).view(buffer.shape))

    def forward(self, x: Tensor) -> Tensor:
        """``(x - mean) / std`` of ``(B, *shape)``."""
        return (x - self.mean) / self.std
