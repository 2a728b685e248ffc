"""The digit net of MI backpropagation."""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.errors import InvalidInput
from fairtune.models._base import Net
from fairtune.models._pooling import pooled_relu
from fairtune.records import Outputs

_MAPS = 64
_HIDDEN = 512
_FEATURES = 64
_KERNEL = 5
_SMALLEST = 16


class LeNet(Net):
    """Two unpadded 5x5 convolutions with pooling, then two hidden layers (665,610 parameters at 28x28 RGB, 10 classes).

    Convolutions 64 and 64 with ReLU, each followed by 2x2 max-pooling; fc 512 and fc 64 with ReLU, the second the tap; fc K.
    Initialised as torch does. Source: coloured digits of R. Ragonesi et al., "Learning Unbiased Representations via Mutual
    Information Backpropagation", 2021.

    ReLU runs after the pooling, where it costs a quarter and gives the same values.

    Args:
        shape: ``(C, H, W)``, sides of at least 16.
        num_classes: K.
    """

    citation: ClassVar[str] = (
        "R. Ragonesi, R. Volpi, J. Cavazza, V. Murino, Learning Unbiased Representations via Mutual Information "
        "Backpropagation, 2021"
    )

    def __init__(self, shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__(shape)
        if len(shape) != 3 or min(shape[1:]) < _SMALLEST:
            raise InvalidInput(
                f"the model lenet takes images with sides of at least {_SMALLEST}, not inputs of shape {shape}: try mlp"
            )
        self.first = nn.Conv2d(shape[0], _MAPS, _KERNEL)
        self.second = nn.Conv2d(_MAPS, _MAPS, _KERNEL)
        height, width = (((side - _KERNEL + 1) // 2 - _KERNEL + 1) // 2 for side in shape[1:])
        self.hidden = nn.Linear(_MAPS * height * width, _HIDDEN)
        self.bottleneck = nn.Linear(_HIDDEN, _FEATURES)
        self.head = nn.Linear(_FEATURES, num_classes)

    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        """Features: the second hidden layer ``(B, 64)``. Maps: ReLU of the second convolution, before its pooling."""
        before_pool = self.second(pooled_relu(self.first(x)))
        hidden = F.relu(self.hidden(pooled_relu(before_pool).flatten(1)))
        features = F.relu(self.bottleneck(hidden))
        return Outputs(self.head(features), features, F.relu(before_pool) if want_maps else None, features)
