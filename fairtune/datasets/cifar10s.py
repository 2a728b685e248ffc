"""CIFAR-10 skewed by colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairtune.batches.transforms import Flip
from fairtune.datasets import _cifar10
from fairtune.datasets._base import Dataset
from fairtune.datasets._pools import Info, Part, Pool
from fairtune.records import Bytes, Ints
from fairtune.space import Options, Real, Value, hyperparameter

download = _cifar10.download
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

    ``train: composite`` trains on every image in both versions, without skew: 100,000 images, twice as many steps per epoch.
    """

    cache_name: ClassVar[str] = "cifar10-gray-and-colour-3"
    licence: ClassVar[str] = _cifar10.LICENCE
    citation: ClassVar[str] = _cifar10.CITATION
    obtain: ClassVar[str] = _cifar10.OBTAIN

    skew: float = hyperparameter(0.8, Real(low=0, high=1), help="share of a class in its majority version")
    protocol: str = hyperparameter("mfd", Options(values=("mfd", "wang")), help="which classes are skewed to gray")
    train: str = hyperparameter(
        "skewed", Options(values=("skewed", "composite")), help="one version of each training image, or both versions"
    )

    @classmethod
    def complete(cls, given: Mapping[str, Value], root: Path | None = None) -> dict[str, Value]:
        """Defaults filled in; the default skew is the one published for the protocol."""
        options = super().complete(given, root)
        return options | {"skew": given.get("skew", _PUBLISHED_SKEW[str(options["protocol"])])}

    def describe(self, root: Path) -> Info:
        """Ten classes, gray and in colour."""
        return Info(
            classes=_cifar10.CLASSES,
            groups=("gray", "colour"),
            shape=(3, 32, 32),
            augment=(Flip(),),
            balanced_test=True,
            model="cnn",
            epochs=50,
        )

    def check(self, root: Path) -> None:
        """Compare the checksums of all six batch files with the published ones."""
        _cifar10.check_cifar10(root)

    def decode(self, root: Path) -> dict[Part, Pool]:
        """Every image in both versions: all gray ones first, then all in colour."""
        files = _cifar10.read_cifar10(root)
        return {"train": _both_versions(*files["train"], 0), "test": _both_versions(*files["test"], len(files["train"][1]))}

    def training_rows(self, pool: Pool) -> Ints:
        """One version of each image, skewed by class; or all of them."""
        if self.train == "composite":
            return np.arange(len(pool))
        images = len(pool) // 2
        y = pool.columns["y"][:images]
        of_class = np.bincount(y, minlength=len(_cifar10.CLASSES))
        majority = (of_class * self.skew + 1e-9).astype(np.int64)
        mostly_gray = np.isin(np.arange(len(of_class)), _GRAY_CLASSES[self.protocol])
        in_colour = self._places(y) >= np.where(mostly_gray, majority, of_class - majority)[y]
        rows: Ints = np.arange(images) + images * in_colour
        return rows

    def spread(self, pool: Pool) -> tuple[Ints, Ints]:
        """The classes, and the order in which their images become gray, whatever the skew."""
        images = len(pool) // 2
        return pool.columns["y"], np.tile(self._places(pool.columns["y"][:images]), 2)

    def _places(self, y: Ints) -> Ints:
        """The place of each image among those of its class in the order in which the authors make them gray."""
        order = np.random.RandomState(self.seed if self.protocol == "mfd" else 42).permutation(len(y))
        places = np.empty_like(y)
        for label in np.unique(y):
            members = order[y[order] == label]
            places[members] = np.arange(len(members))
        return places


def gray(colour: Bytes) -> Bytes:
    """ITU-R 601 luma in 16-bit fixed point, as Pillow's ``convert("L")`` computes it, on three channels.

    Args:
        colour: ``(N, H, W, 3)`` uint8.
    """
    weights = np.array([19595, 38470, 7471], dtype=np.uint32)
    luma = (colour.astype(np.uint32) @ weights + 0x8000) >> 16
    return np.repeat(luma.astype(np.uint8)[..., None], 3, axis=-1)


def _both_versions(colour: Bytes, y: Ints, first: int) -> Pool:
    n = len(y)
    columns = {"y": np.tile(y, 2), "a": np.repeat([0, 1], n).astype(np.int64), "source": np.tile(first + np.arange(n), 2)}
    return Pool(np.concatenate([gray(colour), colour]), columns)
