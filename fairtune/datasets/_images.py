"""Image files of any format and size as rows of one array, decoded in parallel when they are asked for."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from fairtune.datasets._decoding import Fit, decode, deep_values
from fairtune.datasets._files import first_of, within
from fairtune.datasets._identity import DIGEST_BYTES, digest_of_content
from fairtune.datasets._tones import SIXTEEN_BITS, Tones, found_depth
from fairtune.errors import DataError
from fairtune.records import Array, Bytes, Floats, Ints

_LOOKED_AT = 32
"""Lines of an image that tell how dark or bright it is."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm")
"""Of the files in a folder that are taken for images."""

READ = np.dtype(
    [
        ("digest", f"V{DIGEST_BYTES}"),
        *((name, "<i4") for name in ("width", "height")),
        *((name, "u1") for name in ("bits", "low", "high")),
        ("brightness", "<f4"),
    ]
)
"""What is noted of an image as it is read: digest of the file, its size in pixels and bits a channel, and of what it became the
darkest level, the brightest, and the mean."""


def images_below(folder: Path) -> list[str]:
    """Paths of the images in a folder and those below it, relative to it, in order."""
    found = []
    for inside, _, names in os.walk(folder):
        below = os.path.relpath(inside, folder)
        found += [os.path.normpath(f"{below}/{name}") for name in names if _is_image(name)]
    return sorted(found)


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def contents_of_files(root: Path, name: str) -> bytes:
    """The content of a file in a folder."""
    return (root / name).read_bytes()


@dataclass(frozen=True)
class ImageFiles:
    """Images in files, brought to one size: an array ``(N, H, W, 3)`` uint8 whose rows are decoded when they are sliced.

    Turned as their EXIF entry says; gray, palette and CMYK images become RGB, more than 8 bits a channel become 8 as ``tones``
    says, and what is transparent is laid on black. Sizes are changed with Pillow's antialiased bilinear filter, as torchvision
    changes them; large JPEG files are decoded at a reduced scale first, which changes the result by less than a gray level on
    average.

    Args:
        root: folder of the files.
        names: path of each file in it.
        size: height and width.
        fit: ``stretch`` changes the proportions; ``crop`` cuts the largest window of the right ones from the middle first.
        tones: what becomes of values of more than 8 bits.
        content: reads an image by its name, where it is not a file of its own.

    Raises:
        DataError: a path leads out of the folder.
    """

    root: Path
    names: Sequence[str]
    size: tuple[int, int]
    fit: Fit = "stretch"
    tones: Tones = SIXTEEN_BITS
    content: Callable[[Path, str], bytes] = contents_of_files

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
        noted = np.zeros(stop - start, dtype=READ)

        def fill(row: int) -> tuple[bytes, str | None]:
            content, fault = b"", None
            try:
                content = self.content(self.root, self.names[row])
                picture = decode(content, self.size, self.fit, self.tones)
                images[row - start] = picture.pixels
                noted["width"][row - start], noted["height"][row - start] = picture.width, picture.height
                noted["bits"][row - start] = picture.bits
            except UnidentifiedImageError:
                fault = "not an image"
            except Exception as error:  # a damaged file can make a decoder raise anything
                fault = f"{error or type(error).__name__}".partition("\n")[0]
            return digest_of_content(content), fault

        with warnings.catch_warnings(), ThreadPoolExecutor(_threads()) as threads:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            read = list(threads.map(fill, range(start, stop)))
        noted["digest"] = np.frombuffer(b"".join(digest for digest, _ in read), dtype=READ["digest"])
        noted["low"], noted["high"], noted["brightness"] = _levels(images)
        return Decoded(images, {row: fault for row, (_, fault) in enumerate(read, start) if fault is not None}, noted)

    def depth(self) -> int | None:
        """The bits of images kept in 16, by the largest value in a sample; None if none of it is kept so."""
        return found_depth(len(self.names), self._deep_values)

    def _deep_values(self, row: int) -> Array | None:
        try:
            content = self.content(self.root, self.names[row])
            return deep_values(content)
        except Exception:  # it is named where it is decoded
            return None


class Decoded(NamedTuple):
    """Consecutive rows as they were read.

    Attributes:
        images: ``(n, H, W, 3)``, black where a file cannot be read.
        faults: why it cannot be read, by row.
        noted: what was noted of each, see :data:`READ`.
    """

    images: Bytes
    faults: dict[int, str]
    noted: npt.NDArray[np.void]


def unreadable(named: list[str]) -> DataError:
    """The error of images that cannot be read; each is named with the reason."""
    return DataError(
        f"unreadable images ({len(named):,}): {first_of(named)}; "
        "mend them, or leave them out: fairtune data prepare, with the same dataset and options, and --on-bad-image skip"
    )


def _threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _levels(images: Bytes) -> tuple[Bytes, Bytes, Floats]:
    """Darkest, brightest and mean level of each image, of every so-many-th line: of about 32 where it has more."""
    looked_at = images[:, :: max(1, images.shape[1] // _LOOKED_AT)].reshape(len(images), -1)
    return looked_at.min(axis=1), looked_at.max(axis=1), looked_at.sum(axis=1, dtype=np.uint32) / looked_at.shape[1]
