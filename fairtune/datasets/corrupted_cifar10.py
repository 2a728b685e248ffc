"""CIFAR-10 in which the kind of corruption goes with the class."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairtune.batches.transforms import Crop, Flip, Normalise
from fairtune.datasets import _cifar10
from fairtune.datasets._bias import NUM_CLASSES, conflicting_values, unbiased_values
from fairtune.datasets._corruptions import CORRUPTIONS, corrupt
from fairtune.datasets._files import first_of
from fairtune.datasets._images import ImageFiles
from fairtune.datasets._pools import Info, Part, Pool
from fairtune.datasets._published import DrawnOrPublished
from fairtune.errors import DataError
from fairtune.records import Bytes, Ints
from fairtune.seeding import generator
from fairtune.space import Integer, Real, hyperparameter

FOLDER = "cifar10c"
_NAME = re.compile(r".+_(?P<label>\d)_(?P<bias>\d)\.png")
download = _cifar10.download


@dataclass(kw_only=True)
class CorruptedCIFAR10(DrawnOrPublished):
    """CIFAR-10 of which each class mostly shows one of ten corruptions (Corrupted CIFAR-10, type 0).

    x: 32x32 RGB images. y: the ten classes. a: the corruption: snow, frost, fog, brightness, contrast, spatter, elastic, JPEG,
    pixelate, saturate, in this order those of the classes airplane to truck.

    In each class of the training set the share ``conflicting`` shows another corruption than the class's; published are 0.005,
    0.01, 0.02 and 0.05. The test split is unbiased: every corruption alike in every class.

    Published files lie in ``cifar10c/{0.5pct,1pct,2pct,5pct}/{align,conflict}/CLASS/ID_LABEL_BIAS.png`` and
    ``cifar10c/test/CLASS/``; the test images are shared out as ``images`` says, the biased ``valid`` folders are not used. Drawn
    images are corrupted by our own formulas (:mod:`fairtune.datasets._corruptions`), at ``severity`` 1 to 5.
    """

    cache_name: ClassVar[str] = "corrupted-cifar10-3"
    licence: ClassVar[str] = f"CIFAR-10: {_cifar10.LICENCE}; published files: none stated"
    citation: ClassVar[str] = (
        "J. Nam et al., Learning from Failure: Training Debiased Classifier from Biased Classifier, NeurIPS 2020; published files "
        "of J. Lee et al., Learning Debiased Representation via Disentangled Feature Augmentation, NeurIPS 2021; "
        f"D. Hendrycks, T. Dietterich, ICLR 2019; {_cifar10.CITATION}"
    )
    obtain: ClassVar[str] = f"{_cifar10.OBTAIN}; or unpack the authors' cifar10c.tar.gz there"

    conflicting: float = hyperparameter(0.01, Real(low=0, high=1), help="share of a class that shows another corruption")
    severity: int = hyperparameter(4, Integer(low=1, high=5), help="of the corruptions, where they are drawn")

    def describe(self, root: Path) -> Info:
        """Ten classes, ten corruptions."""
        return Info(
            classes=_cifar10.CLASSES,
            groups=tuple(CORRUPTIONS),
            shape=(3, 32, 32),
            augment=(Crop(padding=4), Flip()),
            normalise=Normalise((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
            balanced_test=self.images == "drawn",
            model="resnet18",
            epochs=200,
            batch_size=100,
        )

    def published_files(self, root: Path) -> Path:
        """The folder of this share."""
        return root / FOLDER / f"{100 * self.conflicting:g}pct"

    def check(self, root: Path) -> None:
        """CIFAR-10's checksums; of published images, that no class and corruption is missing and every name can be read."""
        if self.images == "drawn":
            _cifar10.check_cifar10(root)
        else:
            self._published(root)

    def drawn_by(self) -> tuple[object, ...]:
        """Their severity."""
        return (self.severity,)

    def published_names(self, root: Path) -> tuple[str, ...]:
        """All images that are used."""
        biased, unbiased = self._published(root)
        return (*biased.names, *unbiased.names)

    def decode(self, root: Path) -> dict[Part, Pool]:
        """Every training image with the corruption of its class and with another, the test images with one; or as published."""
        if self.images == "published":
            biased, unbiased = (files.pool(root) for files in self._published(root))
            return self.shared_out(biased, unbiased, NUM_CLASSES * unbiased.columns["y"] + unbiased.columns["a"])
        files = _cifar10.read_cifar10(root)
        images, y = files["train"]
        conflict = conflicting_values(y, generator(0, "data", 10))
        both = np.concatenate([y, conflict])
        columns = {"y": np.tile(y, 2), "a": both, "source": np.tile(np.arange(len(y)), 2), "conflict0": np.tile(conflict, 2)}
        train = Pool(self._corrupted(np.tile(images, (2, 1, 1, 1)), both, 12), columns)
        images, y = files["test"]
        value = unbiased_values(y, generator(0, "data", 11))
        columns = {"y": y, "a": value, "source": len(conflict) + np.arange(len(y))}
        return {"train": train, "test": Pool(self._corrupted(images, value, 13), columns)}

    def numbering(self) -> object:
        """Of published images, the test images are the same whatever the share; the training images are never held out."""
        return self.images

    def aligned_shares(self) -> tuple[float, ...]:
        """What does not conflict."""
        return (1 - self.conflicting,)

    def _corrupted(self, images: Bytes, value: Ints, stream: int) -> Bytes:
        x = np.empty_like(images)
        for v, corruption in enumerate(CORRUPTIONS):
            members = np.flatnonzero(value == v)
            x[members] = corrupt(images[members], corruption, self.severity, generator(0, "data", stream, v))
        return x

    def _published(self, root: Path) -> tuple[_Files, _Files]:
        """The training and the test images."""
        biased, test = self.published_files(root), root / FOLDER / "test"
        for folder in (biased / "align", biased / "conflict", test):
            if not folder.is_dir():
                there = sorted(path.name for path in (root / FOLDER).glob("*pct"))
                raise DataError(f"{folder} is missing ({FOLDER} holds {', '.join(there) or 'no shares'}): {self.obtain}")
        return (
            _Files.of(root, [*biased.glob("align/*/*.png"), *biased.glob("conflict/*/*.png")], self.obtain),
            _Files.of(root, test.glob("*/*.png"), self.obtain),
        )


@dataclass(frozen=True)
class _Files:
    """Published images, whose names end in label and corruption."""

    names: tuple[str, ...]
    y: Ints
    a: Ints

    @classmethod
    def of(cls, root: Path, paths: Iterable[Path], obtain: str) -> _Files:
        names = tuple(sorted(str(path.relative_to(root)) for path in paths))
        fields = [_NAME.fullmatch(Path(name).name) for name in names]
        if unread := [name for name, match in zip(names, fields, strict=True) if match is None]:
            raise DataError(f"{len(unread)} images in {root} are not named ID_LABEL_BIAS.png: {first_of(unread, 3)}; {obtain}")
        y, a = (np.array([int(match[part]) for match in fields if match], dtype=np.int64) for part in ("label", "bias"))
        if absent := [name for v, name in enumerate(_cifar10.CLASSES) if v not in y]:
            raise DataError(f"{root / FOLDER} holds no images of {', '.join(absent)}: unpack it again; {obtain}")
        return cls(names, y, a)

    def pool(self, root: Path) -> Pool:
        return Pool(ImageFiles(root, self.names, (32, 32)), {"y": self.y, "a": self.a, "source": np.arange(len(self.names))})
