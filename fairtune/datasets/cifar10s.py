"""CIFAR-10 skewed by colour."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairtune.datasets._base import Dataset, Info, Part, Pool
from fairtune.errors import DataError
from fairtune.records import Bytes, Ints
from fairtune.space import Options, Real, Value, hyperparameter
from fairtune.transforms import Flip

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
_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_GRAY_CLASSES = {"mfd": (0, 1, 2, 3, 4), "wang": (0, 2, 4, 6, 8)}
_PUBLISHED_SKEW = {"mfd": 0.8, "wang": 0.95}


@dataclass(kw_only=True)
class CIFAR10S(Dataset):
    """CIFAR-10 with half of the classes mostly gray and half mostly in colour (CIFAR-10S).

    x: 32x32 RGB images. y: the ten classes. a: gray (0) or colour (1). In the five gray-skewed classes the share ``skew`` of the
    training images is gray, in the others the share ``skew`` is in colour. The test split holds every test image in both
    versions: 20,000 images, exactly balanced, 1,000 per cell.

    ``protocol: mfd`` (S. Jung et al., CVPR 2021; skew 0.8) skews classes 0 to 4 to gray, which images decided by the seed.
    ``protocol: wang`` (Z. Wang et al., "Towards Fairness in Visual Recognition", CVPR 2020; skew 0.95) skews airplane, bird,
    deer, frog and ship to gray, which images fixed by seed 42; their code numbers gray 1 and colour 0, ours gray 0.
    """

    cache_name: ClassVar[str] = "cifar10-gray-and-colour-2"
    licence: ClassVar[str] = "none stated; the author asks to be cited"
    citation: ClassVar[str] = "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, University of Toronto, 2009"
    obtain: ClassVar[str] = f"unpack {ARCHIVE} (md5 {ARCHIVE_MD5}) into the folder given by --data, or add --download"

    skew: float = hyperparameter(0.8, Real(low=0, high=1), help="share of a class in its majority version")
    protocol: str = hyperparameter("mfd", Options(values=("mfd", "wang")), help="which classes are skewed to gray")

    @classmethod
    def complete(cls, given: dict[str, Value], root: Path | None = None) -> dict[str, Value]:
        """Defaults filled in; the default skew is the one published for the protocol."""
        options = super().complete(given, root)
        return options | {"skew": given.get("skew", _PUBLISHED_SKEW[str(options["protocol"])])}

    def describe(self, root: Path) -> Info:
        """Ten classes, gray and in colour."""
        return Info(
            classes=_CLASSES,
            groups=("gray", "colour"),
            shape=(3, 32, 32),
            augment=(Flip(),),
            balanced_test=True,
            model="cnn",
            epochs=50,
        )

    def check(self, root: Path) -> None:
        """Compare the checksums of all six batch files with the published ones."""
        for name, md5 in (TRAIN_MD5 | TEST_MD5).items():
            path = root / FOLDER / name
            if not path.is_file():
                raise DataError(f"CIFAR-10 file {path} is missing: {self.obtain}")
            if (found := hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()) != md5:
                raise DataError(f"CIFAR-10 file {path} is damaged (md5 {found}, expected {md5}): {self.obtain}")

    def decode(self, root: Path) -> dict[Part, Pool]:
        """Every image in both versions: all gray ones first, then all in colour."""
        self.check(root)
        return {"train": _read(root, TRAIN_MD5), "test": _read(root, TEST_MD5)}

    def training_rows(self, pool: Pool) -> Ints:
        """One version of each image, skewed by class."""
        y = pool.columns["y"]
        images = len(pool) // 2
        in_colour = np.ones(images, dtype=bool)
        order = np.random.RandomState(self.seed if self.protocol == "mfd" else 42).permutation(images)
        for label in range(len(_CLASSES)):
            members = order[y[order] == label]
            majority = int(len(members) * self.skew + 1e-9)
            gray = majority if label in _GRAY_CLASSES[self.protocol] else len(members) - majority
            in_colour[members[:gray]] = False
        rows: Ints = np.arange(images) + images * in_colour
        return rows


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


def gray(colour: Bytes) -> Bytes:
    """ITU-R 601 luma in 16-bit fixed point, as Pillow's ``convert("L")`` computes it, on three channels.

    Args:
        colour: ``(N, H, W, 3)`` uint8.
    """
    weights = np.array([19595, 38470, 7471], dtype=np.uint32)
    luma = (colour.astype(np.uint32) @ weights + 0x8000) >> 16
    return np.repeat(luma.astype(np.uint8)[..., None], 3, axis=-1)


def _read(root: Path, files: dict[str, str]) -> Pool:
    batches = []
    for name in files:
        with (root / FOLDER / name).open("rb") as file:
            batches.append(pickle.load(file, encoding="latin1"))
    colour = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    labels = np.concatenate([batch["labels"] for batch in batches]).astype(np.int64)
    n = len(labels)
    columns = {"y": np.tile(labels, 2), "a": np.repeat([0, 1], n).astype(np.int64), "source": np.tile(np.arange(n), 2)}
    return Pool(np.concatenate([gray(colour), colour]), columns)
