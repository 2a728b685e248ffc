"""MNIST's four files, packed or unpacked."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import numpy as np

from fairtune.errors import DataError
from fairtune.records import Bytes, Ints

FOLDER = "MNIST/raw"
TRAIN_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
}
TEST_MD5 = {
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""Checksums of the unpacked files, which packing again does not change."""

LICENCE = "MNIST: CC BY-SA 3.0"
CITATION = "Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, 1998"
OBTAIN = f"put MNIST's four idx files, packed or not, into {FOLDER} of the folder given by --data, where torchvision puts them"


def check_mnist(root: Path) -> None:
    """Compare the checksums of all four files with the published ones.

    Raises:
        DataError: a file is missing or damaged.
    """
    for name in TRAIN_MD5 | TEST_MD5:
        _content(root, name)


def read_mnist(root: Path) -> dict[str, tuple[Bytes, Ints]]:
    """Images ``(n, 28, 28)`` and labels ``(n,)`` of the parts ``train`` and ``test``.

    Raises:
        DataError: a file is missing or damaged.
    """
    parts = {}
    for part, files in (("train", TRAIN_MD5), ("test", TEST_MD5)):
        images, labels = (_content(root, name) for name in files)
        pixels = np.frombuffer(images, dtype=np.uint8, offset=16).reshape(-1, 28, 28)
        parts[part] = (pixels, np.frombuffer(labels, dtype=np.uint8, offset=8).astype(np.int64))
    return parts


def _content(root: Path, name: str) -> bytes:
    """One file, unpacked; it begins with a magic number and its sizes, four bytes each."""
    plain, packed = root / FOLDER / name, root / FOLDER / f"{name}.gz"
    path = plain if plain.is_file() else packed
    if not path.is_file():
        raise DataError(f"MNIST file {plain} (or {packed.name}) is missing: {OBTAIN}")
    try:
        content = path.read_bytes() if path == plain else gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise DataError(f"MNIST file {path} cannot be unpacked ({error}): {OBTAIN}") from error
    expected = (TRAIN_MD5 | TEST_MD5)[name]
    if (found := hashlib.md5(content, usedforsecurity=False).hexdigest()) != expected:
        raise DataError(f"MNIST file {path} is damaged (md5 {found}, expected {expected}): {OBTAIN}")
    return content
