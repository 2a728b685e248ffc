"""What may be done to training images, by name and parameter; :mod:`fairtune.batches.augment` does it.

Sizes are not said here: every transform that changes the size of an image makes it that of ``Info.shape``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Flip:
    """Mirrors half of the images: left to right, or top to bottom."""

    vertical: bool = False


@dataclass(frozen=True)
class Crop:
    """Cuts a window at a random place, after adding ``padding`` black pixels on every side."""

    padding: int = 0


@dataclass(frozen=True)
class ResizedCrop:
    """Cuts a window of random area and shape and resizes it.

    Attributes:
        scale: least and largest share of the image's area.
        ratio: least and largest width over height, drawn uniformly on a logarithmic scale.
    """

    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)


@dataclass(frozen=True)
class Rotation:
    """Turns by an angle drawn uniformly from ``-degrees`` to ``degrees``; what comes in from outside is black."""

    degrees: float


@dataclass(frozen=True)
class ColourJitter:
    """Changes brightness, contrast, saturation and hue, in random order.

    Attributes:
        brightness, contrast, saturation: factors are drawn uniformly from ``max(0, 1 - value)`` to ``1 + value``.
        hue: the shift is drawn uniformly from ``-hue`` to ``hue``, in turns of the colour circle; at most 0.5.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0


@dataclass(frozen=True)
class Normalise:
    """Subtracts the mean and divides by the standard deviation of each channel, both of pixels scaled to [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


IMAGENET = Normalise((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

Transform = Flip | Crop | ResizedCrop | Rotation | ColourJitter
