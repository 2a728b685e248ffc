"""Max-pooling and ReLU in one, fast on the CPU."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from fairtune.models._ways import takes_ways_of_a_cpu


def pooled_relu(x: Tensor) -> Tensor:
    """ReLU of 2x2 max-pooling, values and gradients as torch gives them; on the CPU twice as fast.

    Args:
        x: ``(B, C, H, W)``, in channels-last memory for speed; an odd last row or column is left out, as torch does.
    """
    even = x.shape[2] % 2 == x.shape[3] % 2 == 0
    pooled = _BitwiseMaxPool.apply(x) if even and takes_ways_of_a_cpu(x) else F.max_pool2d(x, 2)
    return F.relu(pooled, inplace=True)


class _Kept(Protocol):
    @property
    def saved_tensors(self) -> tuple[Tensor, ...]: ...

    def save_for_backward(self, *tensors: Tensor) -> None: ...


class _BitwiseMaxPool(torch.autograd.Function):
    """2x2 max-pooling on the numbers' bit patterns, to be followed by ReLU.

    Read as integers, non-negative floats keep their order and lie above all negative ones, whose order ReLU makes irrelevant.
    torch compares integers several times faster than bfloat16, and no indices are stored. NaN survives unless a
    positive number shares its window. Ties go to the first of the window, row by row, as in torch.
    """

    @staticmethod
    def forward(ctx: _Kept, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return _larger(_larger(_bits(x), 3), 2).view(x.dtype)

    @staticmethod
    def backward(ctx: _Kept, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        bits = _bits(x)
        rows = _larger(bits, 3)
        return _to_larger(_to_larger(_bits(grad), rows, 2), bits, 3).view(x.dtype)


def _bits(x: Tensor) -> Tensor:
    return x.view({2: torch.int16, 4: torch.int32, 8: torch.int64}[x.element_size()])


def _pairs(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Views of the even and of the odd positions along a dimension."""
    even, odd = torch.unflatten(x, dim, (-1, 2)).unbind(dim + 1)
    return even, odd


def _larger(x: Tensor, dim: int) -> Tensor:
    return torch.maximum(*_pairs(x, dim))


def _to_larger(grad: Tensor, x: Tensor, dim: int) -> Tensor:
    """The gradient of each pair's maximum, on whichever of the two is larger, 0 on the other."""
    routed = torch.empty_like(x)
    (even, odd), (to_even, to_odd) = _pairs(x, dim), _pairs(routed, dim)
    torch.gt(odd, even, out=to_odd).mul_(grad)
    torch.sub(grad, to_odd, out=to_even)
    return routed
