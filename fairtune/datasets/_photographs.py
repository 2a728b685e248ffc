"""What the datasets share whose photographs are listed in a table that is cut into parts."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from fairtune.datasets._base import Dataset
from fairtune.datasets._counts import check_test
from fairtune.datasets._decoding import Fit, Reading
from fairtune.datasets._images import ImageFiles
from fairtune.datasets._pools import Part, Pool
from fairtune.records import Ints

TRAIN, VALIDATION, TEST = range(3)
_PARTS: tuple[Part, ...] = ("train", "validation", "test")


@dataclass(kw_only=True)
class Photographs(Dataset):
    """Photographs in a table, some of which test.

    Attributes:
        stored: height and width at which they are stored.
        fit: how they are brought to that size, see :class:`ImageFiles`.
        columns: of the table, those that pools keep.
    """

    stored: ClassVar[tuple[int, int]] = (256, 256)
    fit: ClassVar[Fit] = "stretch"
    columns: ClassVar[tuple[str, ...]] = ("y", "a", "source")

    def reading(self, shape: tuple[int, ...]) -> Reading:
        """As they are stored."""
        return Reading(self.stored, self.fit)

    @property
    @abstractmethod
    def cut_by_authors(self) -> bool:
        """Whether the parts are the authors', who have validation images of their own."""

    @abstractmethod
    def table(self, root: Path) -> pd.DataFrame:
        """A row for every image used: ``file``, relative to ``root``, label ``y``, group ``a``, ``source``, and more."""

    @abstractmethod
    def part(self, table: pd.DataFrame) -> Ints:
        """``TRAIN``, ``VALIDATION`` or ``TEST`` for each row."""

    def check(self, root: Path) -> None:
        """Read the table, and check that the test split has samples in every cell."""
        table = self.table(root)
        test = table[self.part(table) == TEST]
        check_test(test["y"].to_numpy(), test["a"].to_numpy(), self.describe(root))

    def decode(self, root: Path) -> dict[Part, Pool]:
        """The parts that have images."""
        self.check(root)
        table = self.table(root)
        part = self.part(table)
        return {name: self._pool(root, table[part == number]) for number, name in enumerate(_PARTS) if (part == number).any()}

    def training_parts(self) -> tuple[Part, ...]:
        """Only the authors have validation images of their own."""
        return ("train", "validation") if self.cut_by_authors else ("train",)

    def _pool(self, root: Path, table: pd.DataFrame) -> Pool:
        kept = {name: table[name].to_numpy().astype(np.int64) for name in self.columns}
        return Pool(ImageFiles(root, tuple(table["file"]), self.stored, fit=self.fit), kept)
