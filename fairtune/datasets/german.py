"""Who is a good credit risk, by age."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from fairtune.datasets._base import Dataset
from fairtune.datasets._counts import check_test
from fairtune.datasets._cut import stratified
from fairtune.datasets._pools import Content, Info, Part, Pool
from fairtune.datasets._tables import Encoder, coded, read_table
from fairtune.records import Ints
from fairtune.seeding import generator
from fairtune.space import Integer, Options, Real, hyperparameter

FOLDER = "german"
FILE = "german.data"
ROWS = {FILE: 1000}
NUMERIC = ("duration", "amount", "rate", "residence", "age", "credits", "dependants")
COLUMNS = (
    *("account", "duration", "history", "purpose", "amount", "savings", "employment", "rate", "status", "debtors"),
    *("residence", "property", "age", "plans", "housing", "credits", "job", "dependants", "telephone", "foreign", "risk"),
)
_RISKS = {"2": "bad", "1": "good"}
_CUSTOMARY_AGE = 25
_TEST_SHARE = 0.3


@dataclass(kw_only=True)
class German(Dataset):
    """Bank customers of 1994: is a credit a good or a bad risk (Statlog, German credit data)?

    x: 7 numbers, standardised, and 13 categories, one-hot. y: the risk, bad (0) or good (1). a: age up to ``age`` or over it; 25 is
    customary. ``sensitive: out`` leaves the age out of x. There is no official split: 300 of the 1,000 customers are the test
    split, fixed once, stratified by risk and by age up to 25; a quarter of the others is held out for validation. Means and
    deviations are those of the 700.

    The settings follow R. Ragonesi et al., "Learning Unbiased Representations via Mutual Information Backpropagation", 2021,
    who publish neither code nor split nor threshold.
    """

    cache_name: ClassVar[str] = "german-1"
    licence: ClassVar[str] = "CC BY 4.0"
    citation: ClassVar[str] = "H. Hofmann, Statlog (German Credit Data), UCI Machine Learning Repository, 1994, doi 10.24432/C5NC77"
    obtain: ClassVar[str] = (
        "unpack https://archive.ics.uci.edu/static/public/144/statlog+german+credit+data.zip "
        f"into {FOLDER} of the folder given by --data"
    )

    age: int = hyperparameter(_CUSTOMARY_AGE, Integer(low=19, high=74), help="the oldest of the younger group")
    sensitive: str = hyperparameter("in", Options(values=("in", "out")), help="whether age is in the input or left out of it")
    val_frac: float = hyperparameter(0.25, Real(low=0.05, high=0.9), help="share of the training set held out for validation")

    def describe(self, root: Path) -> Info:
        """Two risks, two ages."""
        train, _ = self._parts(root)
        return Info(
            classes=tuple(_RISKS.values()),
            groups=(f"up to {self.age}", f"over {self.age}"),
            shape=(self._encoder(train).width,),
            balanced_test=False,
            model="mlp",
            epochs=50,
            batch_size=64,
        )

    def check(self, root: Path) -> None:
        """Read the file: its lines, values and number of rows, and that the threshold leaves both ages in the test split."""
        _, test = self._parts(root)
        check_test(self._risk(root, test), (test["age"] > self.age).to_numpy().astype(np.int64), self.describe(root))

    def content(self, root: Path) -> Content:
        """Which columns are inputs, and the file."""
        return Content((self.sensitive,), (f"{FOLDER}/{FILE}",))

    def decode(self, root: Path) -> dict[Part, Pool]:
        """Encode all customers as those for training decide."""
        train, test = self._parts(root)
        encoder = self._encoder(train)
        return {"train": self._pool(root, train, encoder), "test": self._pool(root, test, encoder)}

    def labels(self, pool: Pool) -> tuple[Ints, Ints]:
        """The risk, and whether a customer is older than the threshold."""
        return pool.columns["y"], (pool.columns["age"] > self.age).astype(np.int64)

    def spread(self, pool: Pool) -> tuple[Ints, Ints]:
        """The risks and, within them, the ages."""
        return pool.columns["y"], pool.columns["age"]

    def _pool(self, root: Path, table: pd.DataFrame, encoder: Encoder) -> Pool:
        age = table["age"].to_numpy()
        return Pool(encoder.vectors(table), {"y": self._risk(root, table), "age": age, "source": table.index.to_numpy()})

    def _encoder(self, training: pd.DataFrame) -> Encoder:
        left_out = ["risk", "age"] if self.sensitive == "out" else ["risk"]
        return Encoder.of(training.drop(columns=left_out), NUMERIC)

    def _risk(self, root: Path, table: pd.DataFrame) -> Ints:
        return coded(table, "risk", tuple(_RISKS), root / FOLDER / FILE)

    def _parts(self, root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The customers for training and those for the test."""
        table = read_table(root / FOLDER / FILE, COLUMNS, NUMERIC, rows=ROWS[FILE], separator=" ", obtain=self.obtain)
        rows = np.arange(len(table))
        older = (table["age"] > _CUSTOMARY_AGE).to_numpy().astype(np.int64)
        test = stratified(self._risk(root, table), older, rows, _TEST_SHARE, generator(0, "data"))
        return table.iloc[np.setdiff1d(rows, test)], table.iloc[test]
