"""The three-layer perceptron of the papers."""

from __future__ import annotations

import itertools
import math

import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.models._base import Net
from fairtune.records import Outputs

_WIDTH = 100
_LAYERS = 3


class MLP3(Net):
    """Three hidden layers of 100 with ReLU, on vectors or flattened images (256,510 parameters at 28x28 RGB, 10 classes).

    The third is the tap. Source: Multi-Color MNIST of Z. Li et al. (DebiAN), ECCV 2022, and of FFW, whose code attaches its probe
    to the first layer instead, by mistake.

    Args:
        shape: shape of one input, flattened.
        num_classes: K.
    """

    def __init__(self, shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__(shape)
        widths = (math.prod(shape), *[_WIDTH] * _LAYERS)
        self.layers = nn.ModuleList(nn.Linear(fan_in, fan_out) for fan_in, fan_out in itertools.pairwise(widths))
        self.head = nn.Linear(_WIDTH, num_classes)

    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        """Features: the third hidden layer ``(B, 100)``. There are no maps."""
        features = x.flatten(1)
        for layer in self.layers:
            features = F.relu(layer(features))
        return Outputs(self.head(features), features, None, features)
