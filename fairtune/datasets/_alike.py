"""Images that look alike, whatever their files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fairtune.datasets._base import Dataset
from fairtune.datasets._store import open_part, open_splits
from fairtune.records import Bytes, Floats, Purpose, Split

_DIFFERENT = 2
_FLAT = 8
_PARTS = (8, 9)


class Alike(NamedTuple):
    """Two images that look alike: the split of each, and its row in the pool of its part."""

    splits: tuple[str, str]
    rows: tuple[int, int]

    @property
    def across(self) -> bool:
        """Whether they are in different splits."""
        return self.splits[0] != self.splits[1]


def nearly_equal(dataset: Dataset, root: Path) -> list[Alike]:
    """Pairs of images that look alike, in every split; see :func:`alike`.

    The images of the test part are opened for this alone, and nothing else of them is told than which look like others.

    Args:
        dataset: of images, decoded.
        root: folder of the original files.
    """
    test = dataset.test_split(open_part(dataset, root, "test", purpose=Purpose.FINAL), dataset.describe(root))
    return alike(open_splits(dataset, root) | {"test": test})


def alike(splits: Mapping[str, Split], most: int = 200) -> list[Alike]:
    """Pairs of images that look alike, whatever their files, those of different splits first.

    Each image becomes 8 x 8 signs of whether brightness rises to the right (a difference hash); a pair is alike if at most two of
    the 64 differ. Those of nearly one gray level are passed over.

    Args:
        splits: by name, of images.
        most: how many pairs to give at most.
    """
    names = [name for name, split in splits.items() for _ in range(len(split))]
    rows = np.concatenate([split.rows for split in splits.values()]).tolist()
    small = np.stack([_shrunk(split.pool[row]) for split in splits.values() for row in split.rows])
    bits = np.packbits((small[:, :, 1:] > small[:, :, :-1]).reshape(len(small), -1), axis=1)
    telling = np.flatnonzero(np.ptp(small.reshape(len(small), -1), axis=1) >= _FLAT)
    found: dict[bool, list[Alike]] = {True: [], False: []}
    split_of = np.unique(names, return_inverse=True)[1]
    for place, one in enumerate(telling):
        others = telling[place + 1 :]
        like = others[np.bitwise_count(bits[others] ^ bits[one]).sum(axis=1) <= _DIFFERENT]
        for across in found:
            wanted = like[(split_of[like] != split_of[one]) == across][: most - len(found[across])]
            found[across] += [Alike((names[one], names[other]), (rows[one], rows[other])) for other in wanted]
        if len(found[True]) == most:
            break
    return [*found[True], *found[False]][:most]


def _shrunk(image: Bytes) -> Floats:
    """Mean brightness of 8 x 9 parts of an image; of a smaller one each pixel counts several times."""
    gray = image.mean(axis=2)
    for axis, parts in enumerate(_PARTS):
        gray = gray.repeat(-(-parts // gray.shape[axis]), axis=axis)
    rows, columns = (np.linspace(0, size, parts + 1).astype(int)[:-1] for size, parts in zip(gray.shape, _PARTS, strict=True))
    sums = np.add.reduceat(np.add.reduceat(gray, rows, axis=0), columns, axis=1)
    areas = np.outer(np.diff([*rows, gray.shape[0]]), np.diff([*columns, gray.shape[1]]))
    shrunk: Floats = sums / areas
    return shrunk
