"""The content of an image file as an array of one size."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from fairtune.datasets._tones import SIXTEEN_BITS, Tones
from fairtune.records import Array, Bytes

Fit = Literal["stretch", "crop"]
_DRAFT = 2
"""JPEG files are decoded at the smallest of their own scales that is this many times larger than what is wanted."""
_DEEP_PNG = (2, 6)
"""Colour types of PNG files of whose 16 bits Pillow keeps eight."""


@dataclass(frozen=True)
class Reading:
    """How the file of an image becomes what a dataset stores.

    Attributes:
        size: height and width.
        fit: how an image is brought to it.
        tones: what becomes of values of more than 8 bits.
    """

    size: tuple[int, int]
    fit: Fit = "stretch"
    tones: Tones = SIXTEEN_BITS

    @property
    def draft(self) -> tuple[int, int]:
        """Width and height that a JPEG file may be reduced to as it is decoded."""
        return _DRAFT * self.size[1], _DRAFT * self.size[0]


class Picture(NamedTuple):
    """A decoded image.

    Attributes:
        pixels: ``(H, W, 3)``.
        width: of the image in its file, in pixels.
        height: likewise.
        bits: that its values were taken to have.
    """

    pixels: Bytes
    width: int
    height: int
    bits: int


def decode(content: bytes, size: tuple[int, int], fit: Fit = "stretch", tones: Tones = SIXTEEN_BITS) -> Picture:
    """The content of one image file at a size, as :class:`fairtune.datasets.ImageFiles` describes.

    Raises:
        OSError: it is not a whole image.
        PIL.Image.DecompressionBombError: it has more pixels than Pillow thinks reasonable.
    """
    height, width = size
    with Image.open(io.BytesIO(content)) as file:
        given, is_deep = file.size, _is_gray16(file) or _is_deep_png(file, content)
        file.draft("RGB", Reading(size).draft)
        image = _in_rgb(ImageOps.exif_transpose(_toned(file, content, tones)))
    if fit == "crop":
        image = image.crop(_middle(image.size, size))
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return Picture(np.asarray(image), *given, bits=tones.bits if is_deep else 8)


def deep_values(content: bytes) -> Array | None:
    """The values of an image that is kept in 16 bits; None for any other.

    Raises:
        OSError: it is not an image.
    """
    with Image.open(io.BytesIO(content)) as file:
        return _deep_colours(content) if _is_deep_png(file, content) else _gray16(file) if _is_gray16(file) else None


def _toned(file: Image.Image, content: bytes, tones: Tones) -> Image.Image:
    """The image with eight bits a channel."""
    if _is_deep_png(file, content):
        return _like(file, tones.levels(_deep_colours(content)))
    if _is_gray16(file):
        return _like(file, tones.levels(_gray16(file)))
    if file.mode in ("I", "F"):
        return _like(file, tones.levels(np.asarray(file)))
    if tones.window is not None and file.mode in ("L", "RGB"):
        return _like(file, tones.levels(np.asarray(file)))
    return file


def _like(file: Image.Image, levels: Bytes) -> Image.Image:
    """Other levels, turned as the file says."""
    image = Image.fromarray(levels)
    image.info["exif"] = file.getexif().tobytes()
    return image


def _is_gray16(file: Image.Image) -> bool:
    return file.mode.startswith("I;16")


def _gray16(file: Image.Image) -> Array:
    return np.asarray(file).astype(np.uint16)


def _is_deep_png(file: Image.Image, content: bytes) -> bool:
    return file.format == "PNG" and content[24] == 16 and content[25] in _DEEP_PNG


def _deep_colours(content: bytes) -> Array:
    """All 16 bits of the colours of a PNG file, ``(H, W, C)``: Pillow unpacks one byte of each two, so it is asked for both."""
    upper, lower = (_bytes_in_order(content, order) for order in "BL")
    return upper.astype(np.uint16) << 8 | lower


def _bytes_in_order(content: bytes, order: str) -> Bytes:
    """What Pillow takes for the upper bytes if they are in this order, ``B`` as PNG has them or ``L``."""
    with Image.open(io.BytesIO(content)) as file:
        (tile,) = file.tile
        file.tile = [tile._replace(args=f"{str(tile.args).removesuffix('B')}{order}")]
        return np.asarray(file)


def _in_rgb(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, (0, 0, 0, 255))
        opaque.alpha_composite(image.convert("RGBA"))
        image = opaque
    return image.convert("RGB")


def _middle(given: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The largest box of the proportions ``size`` (height, width) in the middle of an image ``given`` (width, height)."""
    scale = min(given[0] / size[1], given[1] / size[0])
    width, height = round(scale * size[1]), round(scale * size[0])
    left, top = round((given[0] - width) / 2), round((given[1] - height) / 2)
    return left, top, left + width, top + height
