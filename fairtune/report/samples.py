"""The data of a search: how many samples each cell has, and, where their licence allows it, what they look like."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fairtune.datasets import Dataset, is_prepared, open_splits
from fairtune.errors import FairtuneError
from fairtune.records import Ints, Split
from fairtune.spec import Place, SearchSpec

_PER_CELL = 4
_PIXELS = 64
_MOST_CELLS = 60


@dataclass(frozen=True)
class Samples:
    """What is at hand of a dataset.

    Attributes:
        licence: under what its data may be used.
        cells: training and validation samples of each cell, ``(A, K)`` by split.
        pictures: by ``(y, a)``, the first training images of a cell side by side, as base64 of a PNG file; none where the licence
            does not let them be passed on, or there are no images.
        shows: whether the licence lets them be passed on.
    """

    licence: str
    cells: Mapping[str, Ints]
    pictures: Mapping[tuple[int, int], str]
    shows: bool


def look_at(spec: SearchSpec, place: Place) -> Samples | None:
    """The training data of a search; None where they are not at hand: a page is no reason to decode them.

    The test part stays shut.
    """
    root = Path(place.data)
    try:
        dataset = Dataset.load(spec.dataset.name).build(**spec.dataset.options)
        if not is_prepared(dataset, root):
            return None
        splits = open_splits(dataset, root, spec.train_fraction, digest=spec.dataset.digest)
    except FairtuneError:
        return None
    train = splits["train"]
    shows = dataset.may_be_shown
    pictures = dict(_pictures(train)) if shows and train.pool.ndim == 4 else {}
    return Samples(dataset.licence, {name: split.cells for name, split in splits.items()}, pictures, shows)


def _pictures(train: Split) -> Iterator[tuple[tuple[int, int], str]]:
    cells = [(y, a) for y in range(train.num_classes) for a in range(train.num_groups)]
    for y, a in cells[:_MOST_CELLS]:
        members = train.rows[(train.y == y) & (train.a == a)][:_PER_CELL]
        if len(members):
            yield (y, a), _strip(train, members)


def _strip(train: Split, rows: Ints) -> str:
    """Images side by side, none larger than 64 pixels."""
    images = [Image.fromarray(np.asarray(train.pool[row]).squeeze()) for row in rows]
    for image in images:
        image.thumbnail((_PIXELS, _PIXELS))
    width, height = max(image.width for image in images), max(image.height for image in images)
    strip = Image.new(images[0].mode, (len(images) * (width + 1) - 1, height), "white")
    for place, image in enumerate(images):
        strip.paste(image, (place * (width + 1), 0))
    content = io.BytesIO()
    strip.save(content, "PNG", optimize=True)
    return base64.b64encode(content.getvalue()).decode()
