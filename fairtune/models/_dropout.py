"""Dropout with a cheap mask on the CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fairtune.models._ways import takes_ways_of_a_cpu

_LEVELS = 256


class Dropout(nn.Module):
    """Dropout whose CPU mask is drawn one byte per element, eight elements per random number.

    torch's CPU dropout draws one Bernoulli number per element, which is a tenth of the training step of a small net. On other
    devices, and where the step is compiled, this is torch's own dropout.

    Args:
        p: probability of zeroing an element, a multiple of 1/256 in [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1 or p * _LEVELS != int(p * _LEVELS):
            raise ValueError(f"dropout probability {p} must be a multiple of 1/{_LEVELS} in [0, 1)")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Zero each element with probability p and scale the rest by 1 / (1 - p), in training only."""
        if not self.training or self.p == 0:
            return x
        dense = x.is_contiguous() or (x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last))
        if not dense or not takes_ways_of_a_cpu(x):
            return nn.functional.dropout(x, self.p)
        return x * self._scaled_mask(x)

    def _scaled_mask(self, x: Tensor) -> Tensor:
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        keep = words.view(torch.uint8)[: x.numel()].ge_(int(self.p * _LEVELS))
        return keep.to(x.dtype).mul_(1 / (1 - self.p)).as_strided(x.size(), x.stride())
