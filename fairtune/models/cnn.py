"""The six-convolution net of the papers."""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.errors import InvalidInput
from fairtune.models._base import Net
from fairtune.models._dropout import Dropout
from fairtune.models._pooling import pooled_relu
from fairtune.records import Outputs

_WIDTHS = (32, 64, 128)
_HIDDEN = 256


class _Pair(nn.Module):
    """Two convolutions with ReLU between them ``(B, C, H, W)``."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, out, 3, padding=1)
        self.second = nn.Conv2d(out, out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        between: Tensor = self.second(F.relu(self.first(x), inplace=True))
        return between


class CNN(Net):
    """Six 3x3 convolutions in three pooled pairs, then one hidden layer (CIFAR-10S of MFD; 814,122 parameters at 32x32).

    Widths 32, 32, 64, 64, 128, 128 with ReLU; after each pair 2x2 max-pooling and dropout 0.25; fc 256 with ReLU (the tap);
    fc K. No normalisation. The paper speaks of two hidden layers, its code has one; ours follows the code. Source: S. Jung et
    al., CVPR 2021.

    ReLU runs after the pooling, where it costs a quarter and gives the same values.

    Args:
        shape: ``(C, H, W)``, sides of at least 8 and divisible by 8.
        num_classes: K.
    """

    citation: ClassVar[str] = "S. Jung, D. Lee, T. Park, T. Moon, Fair Feature Distillation for Visual Recognition, CVPR 2021"

    def __init__(self, shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__(shape)
        if len(shape) != 3 or any(side < 8 or side % 8 for side in shape[1:]):
            raise InvalidInput(f"the model cnn takes images with sides divisible by 8, not inputs of shape {shape}: try mlp")
        channels, height, width = shape
        self.pairs = nn.ModuleList()
        for out in _WIDTHS:
            self.pairs.append(_Pair(channels, out))
            channels = out
        self.dropout = Dropout(0.25)
        self.hidden = nn.Linear(channels * (height // 8) * (width // 8), _HIDDEN)
        self.head = nn.Linear(_HIDDEN, num_classes)

    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        """Features: the hidden layer ``(B, 256)``. Maps: ReLU of the sixth convolution ``(B, 128, H / 4, W / 4)``."""
        before_pool = x
        for pair in self.pairs:
            before_pool = pair(x)
            x = self.dropout(pooled_relu(before_pool))
        features = F.relu(self.hidden(x.flatten(1)))
        return Outputs(self.head(features), features, F.relu(before_pool) if want_maps else None, features)
