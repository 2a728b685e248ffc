"""Who earns more than 50,000 dollars, by sex."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from fairtune.datasets._base import Dataset
from fairtune.datasets._counts import check_test
from fairtune.datasets._pools import Content, Info, Part, Pool
from fairtune.datasets._tables import Encoder, coded, read_table
from fairtune.records import Ints
from fairtune.space import Options, hyperparameter

FOLDER = "adult"
ROWS = {"adult.data": 32561, "adult.test": 16281}
NUMERIC = ("age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week")
COLUMNS = (
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship", "race", "sex"),
    *("capital-gain", "capital-loss", "hours-per-week", "native-country", "income"),
)
_INCOMES = ("<=50K", ">50K")
_SEXES = ("Female", "Male")


@dataclass(kw_only=True)
class Adult(Dataset):
    """Census records of 1994: does a person earn more than 50,000 dollars a year (Adult, Census Income)?

    x: 6 numbers, standardised, and 8 categories, one-hot; a missing value is a category of its own. y: income. a: sex.
    ``sensitive: out`` leaves the column sex out of x; others, such as relationship, still tell it. Training on ``adult.data``,
    validation held out from it, test on ``adult.test``: already disjoint. Means and deviations are those of ``adult.data``.

    The settings follow R. Ragonesi et al., "Learning Unbiased Representations via Mutual Information Backpropagation", 2021,
    who publish neither code nor the width of the net, nor say whether sex is an input.
    """

    cache_name: ClassVar[str] = "adult-1"
    licence: ClassVar[str] = "CC BY 4.0"
    citation: ClassVar[str] = "B. Becker, R. Kohavi, Adult, UCI Machine Learning Repository, 1996, doi 10.24432/C5XW20"
    obtain: ClassVar[str] = (
        f"unpack https://archive.ics.uci.edu/static/public/2/adult.zip into {FOLDER} of the folder given by --data"
    )

    sensitive: str = hyperparameter("in", Options(values=("in", "out")), help="whether sex is in the input or left out of it")

    def describe(self, root: Path) -> Info:
        """Two incomes, two sexes."""
        return Info(
            classes=_INCOMES,
            groups=_SEXES,
            shape=(self._encoder(self._read(root, "adult.data")).width,),
            balanced_test=False,
            model="mlp",
            epochs=50,
        )

    def check(self, root: Path) -> None:
        """Read both files: their lines, values and number of rows."""
        y, a = self._labels(root, self._read(root, "adult.test"))
        check_test(y, a, self.describe(root))

    def content(self, root: Path) -> Content:
        """Which columns are inputs, and both files."""
        return Content((self.sensitive,), tuple(f"{FOLDER}/{name}" for name in ROWS))

    def decode(self, root: Path) -> dict[Part, Pool]:
        """Encode both files as the training file decides."""
        train, test = (self._read(root, name) for name in ROWS)
        encoder = self._encoder(train)
        return {"train": self._pool(root, train, encoder, 0), "test": self._pool(root, test, encoder, len(train))}

    def _pool(self, root: Path, table: pd.DataFrame, encoder: Encoder, first: int) -> Pool:
        y, a = self._labels(root, table)
        return Pool(encoder.vectors(table), {"y": y, "a": a, "source": first + np.arange(len(table))})

    def _encoder(self, training: pd.DataFrame) -> Encoder:
        left_out = ["income", "sex"] if self.sensitive == "out" else ["income"]
        return Encoder.of(training.drop(columns=left_out), NUMERIC)

    def _labels(self, root: Path, table: pd.DataFrame) -> tuple[Ints, Ints]:
        return coded(table, "income", _INCOMES, root / FOLDER), coded(table, "sex", _SEXES, root / FOLDER)

    def _read(self, root: Path, name: str) -> pd.DataFrame:
        """One file; the test file begins with a comment and its labels end with a full stop."""
        path = root / FOLDER / name
        skip = int(name == "adult.test")
        table = read_table(path, COLUMNS, NUMERIC, rows=ROWS[name], separator=",", skip=skip, obtain=self.obtain)
        return table.assign(income=table["income"].str.removesuffix("."))
