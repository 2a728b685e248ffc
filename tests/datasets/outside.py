"""A dataset as somebody else would write it."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairtune.datasets import Content, Dataset, Info, Part, Pool
from fairtune.errors import DataError
from fairtune.space import Integer, hyperparameter


@dataclass(kw_only=True)
class Stripes(Dataset):
    """Stripes that lie or stand, mostly light ones or dark ones, from two files of pixels."""

    cache_name: ClassVar[str] = "stripes-1"
    licence: ClassVar[str] = "CC0"
    citation: ClassVar[str] = "nobody"
    obtain: ClassVar[str] = "draw them"

    width: int = hyperparameter(2, Integer(low=1, high=4), help="width of a stripe in pixels")

    def describe(self, root: Path) -> Info:
        return Info(
            classes=("lying", "standing"), groups=("dark", "light"), shape=(3, 8, 8), balanced_test=True, model="mlp", epochs=1
        )

    def check(self, root: Path) -> None:
        if missing := [part for part in ("train", "test") if not (root / f"{part}.npy").is_file()]:
            raise DataError(f"no {missing[0]}.npy in {root}: {self.obtain}")

    def content(self, root: Path) -> Content:
        return Content(files=("train.npy", "test.npy"))

    def decode(self, root: Path) -> dict[Part, Pool]:
        return {part: self._pool(np.load(root / f"{part}.npy")) for part in ("train", "test")}

    def _pool(self, x: np.ndarray) -> Pool:
        number = np.arange(len(x))
        return Pool(x, {"y": number % 2, "a": number // 2 % 2, "source": number})


def draw(folder: Path) -> None:
    """Write the files: stripes of a pixel, 10 of every cell to train with and 4 to test."""
    for part, count in (("train", 40), ("test", 16)):
        x = np.zeros((count, 8, 8, 3), dtype=np.uint8)
        for number, image in enumerate(x):
            lines = image if number % 2 == 0 else image.swapaxes(0, 1)
            lines[::2] = 80 + 120 * (number // 2 % 2) + number
        np.save(folder / f"{part}.npy", x)
