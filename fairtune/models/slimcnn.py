"""The light net for face attributes."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.errors import InvalidInput
from fairtune.models._base import Net
from fairtune.models._tap import Tap, tap_option
from fairtune.records import Outputs

_STEM = 96
_SQUEEZES = (16, 32, 48, 64)
_SMALLEST = 131
_HEAD_BIAS = 0.01


class SlimCNN(Net):
    """Slim-CNN: separable squeeze-and-expand modules (571,304 parameters with 40 outputs), for CelebA.

    A 7x7 convolution of stride 2 to 96, then four slim modules, each after a 3x3 max-pooling of stride 2, one more such pooling,
    the global average (192, the tap), fc K. Every convolution has batch normalisation and ReLU; nothing is padded but the
    separable 3x3. Weights by X. Glorot's rule, uniform; the head's bias is 0.01. Source: A. Sharma, H. Foroosh, FG 2020, as used by
    T. Hänel et al., "Enhancing Fairness of Visual Attribute Predictors", ACCV 2022, who predict all 40 attributes of CelebA at
    once, one logit each.

    Args:
        shape: ``(3, H, W)``, sides of at least 131; CelebA's 218x178 is what it was made for.
        num_classes: K.
        tap: the features: ``pooled``, the average; or ``flat``, the last convolution's map flattened.
    """

    citation: ClassVar[str] = "A. K. Sharma, H. Foroosh, Slim-CNN: A Light-Weight CNN for Face Attribute Prediction, FG 2020"

    tap: Tap = tap_option("pooled")

    def __init__(self, shape: tuple[int, ...], num_classes: int, *, tap: Tap = "pooled") -> None:
        super().__init__(shape)
        if len(shape) != 3 or min(shape[1:]) < _SMALLEST:
            raise InvalidInput(
                f"the model slimcnn takes images with sides of at least {_SMALLEST}, not inputs of shape {shape}: "
                "try resnet18 for smaller images, mlp for vectors"
            )
        self.flat = tap == "flat"
        self.stem = _normed(nn.Conv2d(shape[0], _STEM, 7, stride=2))
        widths = (_STEM, *(3 * squeeze for squeeze in _SQUEEZES))
        self.slims = nn.ModuleList(_Slim(width, squeeze) for width, squeeze in zip(widths, _SQUEEZES, strict=False))
        self.head = nn.Linear(widths[-1], num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
        nn.init.constant_(self.head.bias, _HEAD_BIAS)

    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        """Features: by ``tap``. Maps: the last convolution's ``(B, 192, h, w)``, before the pooling."""
        maps = self.stem(x)
        for slim in self.slims:
            maps = slim(_pool(maps))
        embedding = _pool(maps).mean((2, 3))
        return Outputs(self.head(embedding), maps.flatten(1) if self.flat else embedding, maps if want_maps else None, embedding)


def _pool(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, stride=2)


def _normed(convolution: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True))


def _separable(channels: int, out: int) -> nn.Sequential:
    depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
    return nn.Sequential(_normed(depthwise), _normed(nn.Conv2d(channels, out, 1, bias=False)))


class _Expand(nn.Module):
    """Squeeze to s channels, then 4 s from a 1x1 and 4 s from a separable 3x3 convolution, side by side."""

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        self.squeeze = _normed(nn.Conv2d(channels, squeeze, 1))
        self.pointwise = _normed(nn.Conv2d(squeeze, 4 * squeeze, 1))
        self.separable = _separable(squeeze, 4 * squeeze)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x)
        return torch.cat([self.pointwise(x), self.separable(x)], 1)


class _Slim(nn.Module):
    """Two such blocks, the second with a skip connection around the first, then a separable convolution to 3 s channels."""

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        self.first = _Expand(channels, squeeze)
        self.second = _Expand(8 * squeeze, squeeze)
        self.skip = _normed(nn.Conv2d(channels, 8 * squeeze, 1, bias=False))
        self.out = _separable(8 * squeeze, 3 * squeeze)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.out(self.second(self.first(x) + self.skip(x)))
        return out
