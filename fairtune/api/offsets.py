"""Moved thresholds as a part of a net, so that they go wherever it goes."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from fairtune.errors import InvalidInput
from fairtune.thresholds import Adjustment, GroupOffsets, MergedOffsets


class Offsets(nn.Module):
    """What is added to a net's logits.

    Attributes:
        groups: how many it tells apart; 0 where it need not be told the group.
    """

    groups = 0

    @staticmethod
    def of(adjustment: Adjustment) -> Offsets:
        """The same as an adjustment of :mod:`fairtune.thresholds` that draws no lots."""
        match adjustment:
            case MergedOffsets():
                return _Merged(adjustment)
            case GroupOffsets():
                return _OfGroup(adjustment)
        raise TypeError(f"{type(adjustment).__name__} cannot be a part of a net")

    @abstractmethod
    def forward(self, logits: Tensor, embedding: Tensor, group: Tensor | None) -> Tensor:
        """Moved logits ``(N, K)``.

        Args:
            logits: ``(N, K)``, float64.
            embedding: ``(N, D)``, float64.
            group: number of each sample's ``(N,)``, int64; None where it is not told.
        """


class _Merged(Offsets):
    """By what the embedding says."""

    def __init__(self, adjustment: MergedOffsets) -> None:
        super().__init__()
        self.weight = nn.Buffer(torch.from_numpy(adjustment.weight))
        self.bias = nn.Buffer(torch.from_numpy(adjustment.bias))

    def forward(self, logits: Tensor, embedding: Tensor, group: Tensor | None) -> Tensor:
        """Whatever the group."""
        return logits + embedding @ self.weight.T + self.bias


class _OfGroup(Offsets):
    """By the group. A program cannot refuse a number that is no group's: it answers NaN."""

    def __init__(self, adjustment: GroupOffsets) -> None:
        super().__init__()
        self.offsets = nn.Buffer(torch.from_numpy(adjustment.offsets))
        self.groups = len(adjustment.offsets)

    def forward(self, logits: Tensor, embedding: Tensor, group: Tensor | None) -> Tensor:
        """NaN where there is no such group."""
        if group is None:
            raise InvalidInput("the model decides by group: give the group of each sample")
        last = self.groups - 1
        known = (group >= 0) & (group <= last)
        moved = logits + self.offsets[group.clamp(0, last)]
        return torch.where(known[:, None], moved, torch.nan)
