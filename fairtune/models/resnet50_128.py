"""The residual net with a narrow neck."""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.models._torchvision import TorchvisionNet
from fairtune.records import Outputs

_NECK = 128
_STRIDE = 32


class ResNet50Neck(TorchvisionNet):
    """ResNet-50 whose last map goes through one full layer to 128 units (36,353,474 parameters for 2 classes at 224x224).

    The layer replaces the average pooling: a convolution as large as the map, 7x7 at the paper's 224x224, without padding, with
    ReLU: the tap. Source: IMDB faces of R. Ragonesi et al., "Learning Unbiased Representations via Mutual Information
    Backpropagation", 2021, from ImageNet (``weights=imagenet``). Theirs is the ResNet-50 of TF-Slim, ours torchvision's, which
    strides in the middle convolution of a block. Images of other sizes get a kernel of their map's size.

    Args:
        shape: ``(3, H, W)``.
        num_classes: K.
    """

    citation: ClassVar[str] = (
        "K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition, CVPR 2016; R. Ragonesi, R. "
        "Volpi, J. Cavazza, V. Murino, Learning Unbiased Representations via Mutual Information Backpropagation, 2021"
    )

    architecture: ClassVar[str] = "resnet50"
    last_layer: ClassVar[str | None] = None

    def __init__(self, shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__(shape)
        height, width = (-(-side // _STRIDE) for side in shape[1:])
        self.neck = nn.Conv2d(self.width, _NECK, (height, width))
        self.head = nn.Linear(_NECK, num_classes)

    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        """Features: the neck ``(B, 128)``. Maps: the last block's ``(B, 2048, H / 32, W / 32)``, rounded up."""
        maps = self.body(x)["map"]
        features = F.relu(self.neck(maps)).flatten(1)
        return Outputs(self.head(features), features, maps if want_maps else None, features)
