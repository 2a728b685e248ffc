"""Images whose files are equal byte for byte, by whatever names: one that is tested must not be trained on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fairtune.datasets._files import first_of
from fairtune.datasets._images import READ
from fairtune.records import Array, Ints

TWINS = "duplicates.json"
"""The file beside decoded pools that names them."""
IMAGE_COLUMNS = tuple(f"image.{name}" for name in READ.names or () if name != "digest")
"""Columns of a pool that say of each image what was noted when it was read."""


class Twin(NamedTuple):
    """One of several equal images: its part, its row in the pool of that part, and its name."""

    part: str
    row: int
    name: str


Twins = tuple[tuple[Twin, ...], ...]
"""Equal images, in groups of two or more."""


@dataclass(frozen=True)
class Seen:
    """The images of a part as they were read.

    Attributes:
        names: of all.
        noted: of all, see :data:`fairtune.datasets._images.READ`.
        left_out: rows that could not be read; the pool lacks them.
    """

    names: Sequence[str]
    noted: npt.NDArray[np.void]
    left_out: Sequence[int]

    def digests(self) -> dict[str, bytes]:
        """Digest of each image's file, by name."""
        return dict(zip(self.names, (digest.tobytes() for digest in self.noted["digest"]), strict=True))

    def columns(self) -> dict[str, Array]:
        """What else was noted of each, as columns of the pool."""
        return {column: self.noted[column.partition(".")[2]] for column in IMAGE_COLUMNS}


def find_twins(seen: Iterable[tuple[str, Seen]]) -> list[list[Twin]]:
    """Equal images among those of all parts, each with its name."""
    by_digest: dict[bytes, list[Twin]] = {}
    for part, images in seen:
        left_out = set(images.left_out)
        kept = (row for row in range(len(images.names)) if row not in left_out)
        for place, row in enumerate(kept):
            twin = Twin(part, place, images.names[row])
            by_digest.setdefault(images.noted["digest"][row].tobytes(), []).append(twin)
    return [found for found in by_digest.values() if len(found) > 1]


def read_twins(folder: Path) -> Twins:
    """The equal images of decoded pools; none where an earlier version decoded them."""
    try:
        stored = json.loads((folder / TWINS).read_bytes())
    except (OSError, ValueError):
        return ()
    return tuple(tuple(Twin(*twin) for twin in group) for group in stored)


def split_of(twin: Twin, validates: npt.NDArray[np.bool_]) -> str:
    """The split of an image: that of its part, but for those of the training part that are to validate.

    Args:
        twin: the image.
        validates: which images of the training part do; none where no table says so.
    """
    return "validation" if twin.part == "train" and validates[twin.row : twin.row + 1].any() else twin.part


def across_splits(twins: Twins, validates: npt.NDArray[np.bool_]) -> list[tuple[Twin, ...]]:
    """The groups of equal images that are in more than one split; ``validates`` as for :func:`split_of`."""
    return [group for group in twins if len({split_of(twin, validates) for twin in group}) > 1]


def joined_sources(source: Ints, twins: Twins, part: str) -> Ints:
    """Sources with those made one that share an image: what is equal has one origin.

    Args:
        source: of each sample of a part.
        twins: equal images.
        part: the part.
    """
    groups = [source[[twin.row for twin in group if twin.part == part]] for group in twins]
    groups = [found for found in groups if len(np.unique(found)) > 1]
    if not groups:
        return source
    first: dict[int, int] = {}

    def root(of: int) -> int:
        while of in first:
            of = first[of]
        return of

    for found in groups:
        roots = {root(int(one)) for one in found}
        first |= dict.fromkeys(roots - {min(roots)}, min(roots))
    joined = source.copy()
    touched = np.isin(source, np.fromiter(first, dtype=np.int64))
    joined[touched] = [root(int(one)) for one in source[touched]]
    return joined


def told(twins: Sequence[Sequence[Twin]]) -> str:
    """The first few groups of equal images by name."""
    return first_of([" = ".join(sorted(twin.name for twin in group)) for group in twins], 3)
