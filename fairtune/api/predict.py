"""Image files predicted by the chosen model of a run, read as its dataset reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from fairtune.api.groups import numbers_of
from fairtune.api.model import Model
from fairtune.datasets import SUFFIXES, ImageFiles, Reading, images_below
from fairtune.errors import DataError, InvalidInput
from fairtune.records import Bytes

_AT_ONCE = 256
_SHOWN = 8


def find_images(given: Sequence[Path]) -> list[Path]:
    """The image files that are meant, each once, in the order given and within a folder in that of their paths.

    Args:
        given: files, and folders whose images, and those of the folders below, are meant.

    Raises:
        InvalidInput: one is not there, or a folder has no image.
    """
    if missing := [str(path) for path in given if not path.exists()]:
        raise InvalidInput(f"no such file or folder: {', '.join(missing)}; give images, or folders of images")
    below = {path: images_below(path) for path in given if path.is_dir()}
    if empty := [str(path) for path, names in below.items() if not names]:
        raise InvalidInput(f"no image in {', '.join(empty)}: give a folder that holds files named {', '.join(SUFFIXES)}")
    found = [file for path in given for file in ([path / name for name in below[path]] if path in below else [path])]
    return list(dict.fromkeys(found))


def predict_files(model: Model, files: Sequence[Path], groups: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
    """What a model says of image files, some at a time.

    Args:
        model: the model.
        files: of images.
        groups: name of the group of each, for a model that decides by group, and for no other.

    Yields:
        A row for each file: ``path``, ``predicted``, the name of the most probable class, and a column ``p(NAME)`` for each class.

    Raises:
        InvalidInput: the model takes no image files; what to do.
        DataError: some files cannot be read; the rows of the others have been yielded before.
    """
    raw = model.raw()
    if raw.reading is None:
        raise InvalidInput(
            f"the model {model.spec.model.name} takes vectors of {model.shape[0]} numbers, as the dataset "
            f"{model.spec.dataset.name} encodes its tables, and no images: give them in Python, "
            "fairtune.open_run(RUN).model().predict(vectors)"
        )
    if model.shape[0] not in (1, 3):
        raise InvalidInput(
            f"the model {model.spec.model.name} takes images of {model.shape[0]} channels, and image files have 1 or 3: give "
            "arrays in Python, fairtune.open_run(RUN).model().predict(images)"
        )
    numbers_of(groups, model.groups if model.by_group else None, len(files))
    faults: list[str] = []
    for start in range(0, len(files), _AT_ONCE):
        some = files[start : start + _AT_ONCE]
        images, unread = _read(some, raw.reading)
        faults += [f"{some[row]} ({reason})" for row, reason in unread.items()]
        rows = [row for row in range(len(some)) if row not in unread]
        if rows:
            told = None if groups is None else [groups[start + row] for row in rows]
            yield _told(model, [some[row] for row in rows], images[rows], told)
    if faults:
        more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise DataError(
            f"{len(faults)} of {len(files)} files cannot be read as images: {'; '.join(faults[:_SHOWN])}{more}; mend them or leave "
            "them out"
        )


def _read(files: Sequence[Path], reading: Reading) -> tuple[Bytes, dict[int, str]]:
    """The images as their dataset would store them, and why some cannot be read."""
    whole = [file.resolve() for file in files]
    anchor = Path(whole[0].anchor)
    names = [str(file.relative_to(anchor)) for file in whole]
    read = ImageFiles(anchor, names, reading.size, reading.fit, reading.tones).read(slice(None))
    return read.images, read.faults


def _told(model: Model, files: Sequence[Path], images: Bytes, groups: Sequence[str] | None) -> pd.DataFrame:
    labels, probabilities = model.predict(images if model.shape[0] == 3 else _gray(images), groups)
    found = probabilities.add_prefix("p(").add_suffix(")")
    found.insert(0, "path", [str(file) for file in files])
    found.insert(1, "predicted", labels)
    return found


def _gray(images: Bytes) -> Bytes:
    return np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in images])[..., None]
