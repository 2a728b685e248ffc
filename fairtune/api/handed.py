"""Images that are handed over in Python: written down once, so that every worker can open them by name."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from fairtune.datasets import cache_folder
from fairtune.errors import InvalidInput
from fairtune.files import sync
from fairtune.records import Array
from fairtune.room import needs_room

IMAGE = "image"
_NEEDED = (IMAGE, "target", "group")
_AT_ONCE = 1000
_HOW = (
    "give a mapping with image, target and group (and split, source, ...), each of N values, or a dataset of torch whose items are "
    "(image, target, group) or such mappings"
)


def is_data(given: object) -> bool:
    """Whether something is data, and not the name or the class of a dataset."""
    return not isinstance(given, str | type | None)


def hand_over(given: object) -> dict[str, str]:
    """Write images to a file of the cache, named by its content.

    Args:
        given: columns by name: ``image`` ``(N, H, W)`` or ``(N, H, W, C)`` or a list of images of any size, ``target``, ``group``
            and, if there are, ``split``, ``source`` and more attributes, each of N values; or a dataset as torch has it, of which
            each item is ``(image, target, group)`` or a mapping of those names. An image is uint8, uint16 (gray) or in [0, 1],
            channels last in an array and first in a tensor; or one of Pillow's.

    Returns:
        The settings of the dataset ``manifest`` that read it.

    Raises:
        InvalidInput: it cannot be read so; what is possible.
    """
    folder = cache_folder() / "given"
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    scratch = folder / f".new-{os.getpid()}.parquet"
    try:
        with needs_room(folder, scratch):
            _write(scratch, _rows(given), digest.update)
        file = folder / f"{digest.hexdigest()[:16]}.parquet"
        if not file.is_file():
            sync(scratch)
            scratch.rename(file)
    finally:
        scratch.unlink(missing_ok=True)
    return {"file": str(file), "path": IMAGE}


def _write(path: Path, rows: Iterator[dict[str, object]], update: Callable[[bytes], object]) -> None:
    writer = None
    try:
        while some := list(islice(rows, _AT_ONCE)):
            columns = {name: [row[name] for row in some] for name in some[0]}
            kinds = {name: pa.binary() if name == IMAGE else pa.string() for name in columns}
            table = pa.table({name: pa.array(values, kinds[name]) for name, values in columns.items()})
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
            for row in some:
                for name, value in row.items():
                    update(value if isinstance(value, bytes) else f"{name}={value!r};".encode())
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        raise InvalidInput(f"the dataset has no images: {_HOW}")


def _rows(given: object) -> Iterator[dict[str, object]]:
    for number, item in enumerate(_items(given)):
        if missing := [name for name in _NEEDED if name not in item]:
            raise InvalidInput(f"the dataset has no {' and no '.join(missing)}: {_HOW}")
        try:
            image = _encoded(item[IMAGE])
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"image {number} of the dataset: {error}") from error
        yield {name: image if name == IMAGE else _text(value) for name, value in item.items()}


def _items(given: object) -> Iterable[Mapping[str, object]]:
    if isinstance(given, Mapping):
        return _of_columns(given)
    if not isinstance(given, Sized) or not hasattr(given, "__getitem__"):
        raise InvalidInput(f"dataset={type(given).__name__}: {_HOW}")
    return (_named(given[number], number) for number in range(len(given)))


def _of_columns(given: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    columns = {str(name): values for name, values in given.items()}
    sizes = {name: len(values) if isinstance(values, Sized) else None for name, values in columns.items()}
    if len(set(sizes.values())) > 1 or None in sizes.values():
        raise InvalidInput(f"the columns of the dataset have different lengths ({sizes}): {_HOW}")
    for row in zip(*(values for values in columns.values() if isinstance(values, Iterable)), strict=True):
        yield dict(zip(columns, row, strict=True))


def _named(item: object, number: int) -> Mapping[str, object]:
    if isinstance(item, Mapping):
        return item
    if isinstance(item, tuple | list) and len(item) == len(_NEEDED):
        return dict(zip(_NEEDED, item, strict=True))
    found = f"{len(item)} values" if isinstance(item, tuple | list) else type(item).__name__
    raise InvalidInput(f"item {number} of the dataset has {found} in place of an image, its target and its group: {_HOW}")


def _encoded(image: object) -> bytes:
    """An image as the content of a PNG file."""
    picture = image if isinstance(image, Image.Image) else Image.fromarray(_levels(_pixels(image)))
    content = io.BytesIO()
    picture.save(content, "PNG", compress_level=1)
    return content.getvalue()


def _pixels(image: object) -> Array:
    """Channels last."""
    if hasattr(image, "detach"):
        pixels: Array = image.detach().cpu().numpy()
        pixels = pixels.transpose(1, 2, 0) if pixels.ndim == 3 else pixels
    else:
        pixels = np.asarray(image)
    pixels = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)):
        raise ValueError(f"its shape is {pixels.shape}: give height x width, or height x width x 3 (channels first in a tensor)")
    return pixels


def _levels(pixels: Array) -> Array:
    if pixels.dtype == np.uint8 or (pixels.dtype == np.uint16 and pixels.ndim == 2):
        return pixels
    if pixels.dtype == bool:
        return pixels.astype(np.uint8) * np.uint8(255)
    if pixels.dtype.kind == "f" and pixels.min() >= 0 and pixels.max() <= 1:
        return (pixels * 255).round().astype(np.uint8)
    raise ValueError(
        f"its values are {pixels.dtype} from {pixels.min()} to {pixels.max()}: give whole numbers from 0 to 255 as uint8, or "
        "numbers from 0 to 1"
    )


def _text(value: object) -> str | None:
    """A label as a table would have it; whole numbers without a decimal point, nothing where it is missing."""
    plain = value.item() if hasattr(value, "item") else value
    if plain is None or (isinstance(plain, float) and np.isnan(plain)):
        return None
    return str(int(plain)) if isinstance(plain, float) and plain.is_integer() else str(plain)
