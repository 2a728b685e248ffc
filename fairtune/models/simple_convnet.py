"""The plain convolutional net of FFW."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from fairtune.errors import InvalidInput
from fairtune.models._base import Net
from fairtune.models._tap import Tap, tap_option
from fairtune.records import Outputs

_WIDTHS = (16, 32, 64, 128)


class SimpleConvNet(Net):
    """Four 7x7 convolutions at full resolution, then the average (531,210 parameters for RGB, 10 classes): Biased-MNIST of FFW.

    Widths 16, 32, 64, 128, padding 3, each with batch normalisation and ReLU, the last with tanh; no pooling before the global
    average (128, the tap); fc K. Weights of convolutions by K. He's rule over the fan-out. Source: H. Bahng et al. (ReBias), ICML
    2020, as used by FFW.

    Args:
        shape: ``(C, H, W)``, of any size.
        num_classes: K.
        tap: the features: ``pooled``, the average; or ``flat``, the last map flattened.
    """

    citation: ClassVar[str] = (
        "H. Bahng, S. Chun, S. Yun, J. Choo, S. J. Oh, Learning De-biased Representations with Biased Representations, ICML 2020"
    )

    tap: Tap = tap_option("pooled")

    def __init__(self, shape: tuple[int, ...], num_classes: int, *, tap: Tap = "pooled") -> None:
        super().__init__(shape)
        if len(shape) != 3:
            raise InvalidInput(f"the model simple_convnet takes images (C, H, W), not inputs of shape {shape}: try mlp")
        self.flat = tap == "flat"
        layers: list[nn.Module] = []
        channels = shape[0]
        for width in _WIDTHS:
            convolution = nn.Conv2d(channels, width, 7, padding=3)
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
            layers += [convolution, nn.BatchNorm2d(width), nn.Tanh() if width == _WIDTHS[-1] else nn.ReLU(inplace=True)]
            channels = width
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        """Features: by ``tap``, ``(B, 128)`` or ``(B, 128 H W)``. Maps: tanh of the last convolution ``(B, 128, H, W)``."""
        maps = self.layers(x)
        embedding = maps.mean((2, 3))
        return Outputs(self.head(embedding), maps.flatten(1) if self.flat else embedding, maps if want_maps else None, embedding)
