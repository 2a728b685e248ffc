"""What the multi-layer perceptrons share."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.models._base import Net
from fairtune.records import Outputs


class Perceptron(Net):
    """Hidden layers with ReLU, on vectors or flattened images; the last one is the tap.

    Args:
        shape: shape of one input, flattened.
        num_classes: K.
        hidden: widths of the hidden layers.
    """

    def __init__(self, shape: tuple[int, ...], num_classes: int, hidden: Sequence[int]) -> None:
        super().__init__(shape)
        widths = (math.prod(shape), *hidden)
        self.layers = nn.ModuleList(nn.Linear(fan_in, fan_out) for fan_in, fan_out in itertools.pairwise(widths))
        self.head = nn.Linear(widths[-1], num_classes)

    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        """Features: the last hidden layer ``(B, D)``. There are no maps."""
        features = x.flatten(1)
        for layer in self.layers:
            features = F.relu(layer(features))
        return Outputs(self.head(features), features, None, features)
