"""CIFAR-10's files, python version."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np

from fairtune.errors import DataError
from fairtune.records import Bytes, Ints

FOLDER = "cifar-10-batches-py"
ARCHIVE = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"
TRAIN_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
}
TEST_MD5 = {"test_batch": "40351d587109b95175f43aff81a1287e"}
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

LICENCE = "none stated; the author asks to be cited"
CITATION = "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, University of Toronto, 2009"
OBTAIN = f"unpack {ARCHIVE} (md5 {ARCHIVE_MD5}) into the folder given by --data, or add --download"


def check_cifar10(root: Path) -> None:
    """Compare the checksums of all six batch files with the published ones.

    Raises:
        DataError: a file is missing or damaged.
    """
    for name, md5 in (TRAIN_MD5 | TEST_MD5).items():
        path = root / FOLDER / name
        if not path.is_file():
            raise DataError(f"CIFAR-10 file {path} is missing: {OBTAIN}")
        if (found := hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()) != md5:
            raise DataError(f"CIFAR-10 file {path} is damaged (md5 {found}, expected {md5}): {OBTAIN}")


def read_cifar10(root: Path) -> dict[str, tuple[Bytes, Ints]]:
    """Images ``(n, 32, 32, 3)`` and labels ``(n,)`` of the parts ``train`` and ``test``.

    Raises:
        DataError: a file is missing or damaged.
    """
    check_cifar10(root)
    return {"train": _read(root, TRAIN_MD5), "test": _read(root, TEST_MD5)}


def download(root: Path, url: str = ARCHIVE, md5: str = ARCHIVE_MD5) -> None:
    """Fetch and unpack the official archive.

    Raises:
        DataError: the address cannot be reached or the archive is damaged; says how to do it by hand.
    """
    from torchvision.datasets.utils import download_and_extract_archive

    try:
        download_and_extract_archive(url, str(root), md5=md5, remove_finished=True)
    except (OSError, RuntimeError) as error:
        raise DataError(f"cannot download {url}: {error}; fetch it on another machine and unpack it into {root}") from error


def _read(root: Path, files: dict[str, str]) -> tuple[Bytes, Ints]:
    batches = []
    for name in files:
        with (root / FOLDER / name).open("rb") as file:
            batches.append(pickle.load(file, encoding="latin1"))
    images = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return images, np.concatenate([batch["labels"] for batch in batches]).astype(np.int64)
