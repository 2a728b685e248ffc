"""The six-convolution net of the papers."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.errors import InvalidInput
from fairtune.models._base import Net
from fairtune.models._dropout import Dropout
from fairtune.records import Outputs

_WIDTHS = (32, 64, 128)
_HIDDEN = 256


class CNN(Net):
    """Six 3x3 convolutions in three pooled pairs, then one hidden layer (CIFAR-10S of MFD; 814,122 parameters at 32x32).

    Widths 32, 32, 64, 64, 128, 128 with ReLU; after each pair 2x2 max-pooling and dropout 0.25; fc 256 with ReLU (the tap);
    fc K. No normalisation. The paper speaks of two hidden layers, its code has one; ours follows the code. Source: S. Jung et
    al., CVPR 2021.

    ReLU runs after the pooling, where it costs a quarter and gives the same values; on the CPU both are :func:`pooled_relu`.

    Args:
        shape: ``(C, H, W)``, sides of at least 8 and divisible by 8.
        num_classes: K.
    """

    def __init__(self, shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        if len(shape) != 3 or any(side < 8 or side % 8 for side in shape[1:]):
            raise InvalidInput(f"the model cnn takes images with sides divisible by 8, not inputs of shape {shape}: try mlp")
        channels, height, width = shape
        self.pairs = nn.ModuleList()
        for out in _WIDTHS:
            self.pairs.append(
                nn.ModuleDict({"first": nn.Conv2d(channels, out, 3, padding=1), "second": nn.Conv2d(out, out, 3, padding=1)})
            )
            channels = out
        self.dropout = Dropout(0.25)
        self.hidden = nn.Linear(channels * (height // 8) * (width // 8), _HIDDEN)
        self.head = nn.Linear(_HIDDEN, num_classes)

    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        """Features: the hidden layer ``(B, 256)``. Maps: ReLU of the sixth convolution ``(B, 128, H / 4, W / 4)``."""
        before_pool = x
        for pair in self.pairs:
            before_pool = pair["second"](F.relu(pair["first"](x), inplace=True))  # type: ignore[index]
            x = self.dropout(pooled_relu(before_pool))
        features = F.relu(self.hidden(x.flatten(1)))
        return Outputs(self.head(features), features, F.relu(before_pool) if want_maps else None, features)


def pooled_relu(x: Tensor) -> Tensor:
    """ReLU of 2x2 max-pooling, values and gradients as torch gives them; on the CPU twice as fast.

    Args:
        x: ``(B, C, H, W)`` with even H and W, in channels-last memory for speed.
    """
    pooled = _BitwiseMaxPool.apply(x) if x.device.type == "cpu" else F.max_pool2d(x, 2)
    return F.relu(pooled, inplace=True)


class _BitwiseMaxPool(torch.autograd.Function):
    """2x2 max-pooling on the numbers' bit patterns, to be followed by ReLU.

    Read as integers, non-negative floats keep their order and lie above all negative ones, whose order ReLU makes irrelevant.
    torch compares integers several times faster than bfloat16, and no indices are stored. NaN survives unless a
    positive number shares its window. Ties go to the first of the window, row by row, as in torch.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return _larger(_larger(_bits(x), 3), 2).view(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
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
