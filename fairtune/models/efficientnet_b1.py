"""The efficient net with two linear layers in a row."""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.models._torchvision import TorchvisionNet
from fairtune.records import Outputs
from fairtune.space import Integer, hyperparameter

_IMAGENET_CLASSES = 1000
_SIDE = 240


class EfficientNetB1(TorchvisionNet):
    """EfficientNet-B1 that keeps its 1000-way ImageNet layer under the head (7,796,186 parameters for 2 classes).

    The 1000 ImageNet logits are the features and the head's input, without an activation between: two linear layers in a row,
    which can express what one can. Source: the code of T. Hänel et al., "Enhancing Fairness of Visual Attribute Predictors", ACCV
    2022, which resizes images so that the shorter side has 240 pixels and starts from ImageNet (``weights=imagenet``).
    ``torchvision:efficientnet_b1`` is the net with one linear layer. Source of the net: M. Tan, Q. Le, ICML 2019.

    Args:
        shape: ``(3, H, W)``.
        num_classes: K.
        side: pixels that the shorter side is resized to, inside the net; 0 leaves images as they are.
    """

    citation: ClassVar[str] = (
        "M. Tan, Q. V. Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019; T. "
        "Hänel, N. Kumar, D. Schlesinger, M. Li, E. Ünal, A. Eslami, S. Gumhold, Enhancing Fairness of Visual Attribute "
        "Predictors, ACCV 2022"
    )

    side: int = hyperparameter(_SIDE, Integer(low=0, high=1024), help="pixels of the shorter side after resizing; 0 for as it is")
    architecture: ClassVar[str] = "efficientnet_b1"
    last_layer: ClassVar[str | None] = "imagenet"

    def __init__(self, shape: tuple[int, ...], num_classes: int, *, side: int = _SIDE) -> None:
        super().__init__(shape)
        self.size = tuple(side * length // min(shape[1:]) for length in shape[1:]) if side else shape[1:]
        self.imagenet = nn.Linear(self.width, _IMAGENET_CLASSES)
        self.head = nn.Linear(_IMAGENET_CLASSES, num_classes)

    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        """Features: the ImageNet logits ``(B, 1000)``. Maps: the last convolution's, ``(B, 1280, h, w)``."""
        if self.size != x.shape[2:]:
            x = F.interpolate(x, self.size, mode="bilinear", antialias=True)
        found = self.body(x)
        features = self.imagenet(found["embedding"])
        return Outputs(self.head(features), features, found["map"] if want_maps else None, features)
