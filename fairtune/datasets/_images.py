"""Image files of any format and size as rows of one array, decoded in parallel when they are asked for."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fairtune.datasets._files import first_of, within
from fairtune.datasets._identity import digest_of_content
from fairtune.errors import DataError
from fairtune.records import Bytes, Ints

Fit = Literal["stretch", "crop"]
_DRAFT = 2
"""JPEG files are decoded at the smallest of their own scales that is this many times larger than what is wanted."""


@dataclass(frozen=True)
class ImageFiles:
    """Images in files, brought to one size: an array ``(N, H, W, 3)`` uint8 whose rows are decoded when they are sliced.

    Turned as their EXIF entry says; gray, palette and CMYK images become RGB, 16 bits a channel become 8, and what is transparent
    is laid on black. Sizes are changed with Pillow's antialiased bilinear filter, as torchvision changes them; large JPEG files are
    decoded at a reduced scale first, which changes the result by less than a gray level on average.

    Args:
        root: folder of the files.
        names: path of each file in it.
        size: height and width.
        fit: ``stretch`` changes the proportions; ``crop`` cuts the largest window of the right ones from the middle first.

    Raises:
        DataError: a path leads out of the folder.
    """

    root: Path
    names: Sequence[str]
    size: tuple[int, int]
    fit: Fit = "stretch"

    def __post_init__(self) -> None:
        within(self.root, self.names)

    @property
    def shape(self) -> tuple[int, ...]:
        """``(N, H, W, 3)``."""
        return (len(self.names), *self.size, 3)

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """uint8."""
        return np.dtype(np.uint8)

    def __getitem__(self, rows: slice, /) -> Bytes:
        """Images of consecutive rows.

        Raises:
            DataError: some cannot be read.
        """
        read = self.read(rows)
        if read.faults:
            raise unreadable([f"{self.names[row]} ({reason})" for row, reason in read.faults.items()])
        return read.images

    def take(self, rows: Ints) -> ImageFiles:
        """Some of the images."""
        return replace(self, names=[self.names[row] for row in rows])

    def read(self, rows: slice) -> Decoded:
        """Images of consecutive rows."""
        start, stop, _ = rows.indices(len(self.names))
        images = np.zeros((stop - start, *self.size, 3), dtype=np.uint8)

        def fill(row: int) -> tuple[bytes, str | None]:
            content, fault = b"", None
            try:
                content = (self.root / self.names[row]).read_bytes()
                images[row - start] = decode_image(content, self.size, self.fit)
            except UnidentifiedImageError:
                fault = "not an image"
            except Exception as error:  # a damaged file can make a decoder raise anything
                fault = f"{error or type(error).__name__}".partition("\n")[0]
            return digest_of_content(content), fault

        with warnings.catch_warnings(), ThreadPoolExecutor(_threads()) as threads:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            read = list(threads.map(fill, range(start, stop)))
        faults = {row: fault for row, (_, fault) in enumerate(read, start) if fault is not None}
        return Decoded(images, faults, [digest for digest, _ in read])


class Decoded(NamedTuple):
    """Consecutive rows as they were read.

    Attributes:
        images: ``(n, H, W, 3)``, black where a file cannot be read.
        faults: why it cannot be read, by row.
        digests: of the content of each file.
    """

    images: Bytes
    faults: dict[int, str]
    digests: list[bytes]


def decode_image(content: bytes, size: tuple[int, int], fit: Fit = "stretch") -> Bytes:
    """The content of one image file as ``(H, W, 3)`` uint8, as :class:`ImageFiles` describes.

    Raises:
        OSError: it is not a whole image.
        PIL.Image.DecompressionBombError: it has more pixels than Pillow thinks reasonable.
    """
    height, width = size
    with Image.open(io.BytesIO(content)) as file:
        file.draft("RGB", (_DRAFT * width, _DRAFT * height))
        image = _in_rgb(ImageOps.exif_transpose(file))
    if fit == "crop":
        image = image.crop(_middle(image.size, size))
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image)


def unreadable(named: list[str]) -> DataError:
    """The error of images that cannot be read; each is named with the reason."""
    return DataError(
        f"unreadable images ({len(named):,}): {first_of(named)}; "
        "mend them, or leave them out with fairtune data prepare DATASET --on-bad-image skip"
    )


def _in_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        raise OSError(f"its pixels are of mode {image.mode}; save it with 8 or 16 bits a channel")
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


def _threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
