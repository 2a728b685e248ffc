"""Images that look alike, whatever their files."""

from __future__ import annotations

import numpy as np

from fairtune.records import Bytes, Floats

_DIFFERENT = 2
_FLAT = 8


def nearly_equal(images: Bytes, most: int = 200) -> list[tuple[int, int]]:
    """Pairs of images that look alike, whatever their files.

    Each image becomes 8 x 8 signs of whether brightness rises to the right (a difference hash); a pair is alike if at most two of
    the 64 differ. Those of nearly one gray level are passed over.

    Args:
        images: ``(N, H, W, C)``.
        most: how many pairs to give at most.
    """
    small = np.stack([_shrunk(images[n]) for n in range(len(images))])
    signs = small[:, :, 1:] > small[:, :, :-1]
    flat = np.flatnonzero(np.ptp(small.reshape(len(small), -1), axis=1) >= _FLAT)
    bits = np.packbits(signs.reshape(len(images), -1), axis=1)
    found: list[tuple[int, int]] = []
    for place, row in enumerate(flat):
        others = flat[place + 1 :]
        distance = np.bitwise_count(bits[others] ^ bits[row]).sum(axis=1)
        found += [(int(row), int(other)) for other in others[distance <= _DIFFERENT]]
        if len(found) >= most:
            break
    return found[:most]


def _shrunk(image: Bytes) -> Floats:
    """Mean brightness of 8 x 9 parts of an image."""
    gray = image.mean(axis=2)
    rows, columns = (np.linspace(0, size, parts + 1).astype(int)[:-1] for size, parts in zip(gray.shape, (8, 9), strict=True))
    sums = np.add.reduceat(np.add.reduceat(gray, rows, axis=0), columns, axis=1)
    areas = np.outer(np.diff([*rows, gray.shape[0]]), np.diff([*columns, gray.shape[1]]))
    shrunk: Floats = sums / areas
    return shrunk
