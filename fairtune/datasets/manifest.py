"""Images of the user's own, listed in a table."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from fairtune.batches.transforms import Flip
from fairtune.datasets._base import Content, Dataset, Info, Part, Pool, check_test
from fairtune.datasets._cut import Mask, stratified
from fairtune.datasets._files import first_of, stat_all, within
from fairtune.datasets._images import ImageFiles
from fairtune.errors import DataError, unknown_name
from fairtune.records import Ints
from fairtune.seeding import generator
from fairtune.space import Integer, Options, Real, Text, Value, hyperparameter

_PARTS: dict[str, str] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_SEPARATORS = ",;\t|"


@dataclass(kw_only=True)
class Manifest(Dataset):
    """Images of your own, listed in a CSV or Parquet file.

    x: images of any format and size, stored and seen as squares of ``size`` pixels. y: the column ``target``. a: the column
    ``group``. Both may hold words or numbers; classes and groups are their different values, in order.

    The file has one row for each image, a heading line, and at least three columns: the path of the image (below the folder
    given by --data), the target and the group. A column ``split`` with train, validation and test decides the splits; without
    test a fixed share ``test_frac`` of every cell is held out for the test split, without validation ``val_frac`` of the others.
    A column ``source`` names what must not be in two splits: the patient, the person, the original of several images.
    """

    cache_name: ClassVar[str] = "manifest-1"
    licence: ClassVar[str] = "yours"
    citation: ClassVar[str] = "yours"
    obtain: ClassVar[str] = "write a CSV file with the columns path, target and group; name it with --set file=FILE"

    file: str = hyperparameter("manifest.csv", Text(), help="CSV or Parquet file, in the folder given by --data or absolute")
    path: str = hyperparameter("path", Text(), help="column of the images' paths")
    target: str = hyperparameter("target", Text(), help="column of the classes")
    group: str = hyperparameter("group", Text(), help="column of the groups")
    splits: str = hyperparameter("split", Text(), help="column of the splits, if there is one")
    source: str = hyperparameter("source", Text(), help="column of what must not be in two splits, if there is one")
    size: int = hyperparameter(64, Integer(low=8, high=1024), help="height and width in pixels")
    fit: str = hyperparameter("stretch", Options(values=("stretch", "crop")), help="how images become squares")
    val_frac: float = hyperparameter(0.2, Real(low=0.01, high=0.9), help="share held out for validation where no split is given")
    flip: bool = hyperparameter(True, Options(values=(True, False)), help="whether training images are mirrored at random")
    test_frac: float = hyperparameter(0.2, Real(low=0.01, high=0.9), help="share held out for testing where no split is given")
    checksum: str = hyperparameter("", Text(), help="of the file, filled in when a search starts, so that it cannot change later")

    @classmethod
    def complete(cls, given: Mapping[str, Value], root: Path | None = None) -> dict[str, Value]:
        """Defaults filled in, and the checksum of the file as it is now."""
        options = super().complete(given, root)
        file = None if root is None else root / str(options["file"])
        return options | ({"checksum": _checksum(file)} if file is not None and file.is_file() else {})

    def describe(self, root: Path) -> Info:
        """Classes and groups as the file names them."""
        table = self._table(root)
        classes, groups = _names(table[self.target]), _names(table[self.group])
        test = table[self._part(table) == "test"]
        cells = np.bincount(test["a"] * len(classes) + test["y"], minlength=len(groups) * len(classes)).reshape(len(groups), -1)
        return Info(
            classes=classes,
            groups=groups,
            shape=(3, self.size, self.size),
            augment=(Flip(),) if self.flip else (),
            balanced_test=bool((cells == cells[0]).all()),
            model="cnn",
            epochs=50,
        )

    def check(self, root: Path) -> None:
        """Read the table, look for every image, each in one row, and check that the test split has samples in every cell."""
        table = self._table(root)
        _check_files_differ(table[self.path], stat_all(root, table["name"].tolist()), root / self.file)
        test = table[self._part(table) == "test"]
        check_test(test["y"].to_numpy(), test["a"].to_numpy(), self.describe(root))

    def content(self, root: Path) -> Content:
        """The size of the images, what the table says of each, and the images."""
        table = self._table(root)
        said = table[["y", "a", "source_id"]].assign(part=self._part(table))
        rows = hashlib.sha256(pd.util.hash_pandas_object(said, index=False).to_numpy().tobytes()).hexdigest()
        return Content((self.size, self.fit, rows), table["name"].tolist())

    def decode(self, root: Path) -> dict[Part, Pool]:
        """The training part, with the validation images that the file names, and the test part."""
        table = self._table(root)
        part = self._part(table)
        return {"train": self._pool(root, table[part != "test"], part), "test": self._pool(root, table[part == "test"], part)}

    def held_out(self, pool: Pool, rng: np.random.Generator) -> Mask:
        """The validation images that the file names; a share of every cell if it names none."""
        named: Mask = pool.columns["validation"]
        return named if named.any() else super().held_out(pool, rng)

    def numbering(self) -> object:
        """Rows of the file, or the values of a column of it."""
        return self.file, self.source

    def _pool(self, root: Path, rows: pd.DataFrame, part: pd.Series[str]) -> Pool:
        columns = {
            "y": rows["y"].to_numpy(),
            "a": rows["a"].to_numpy(),
            "source": rows["source_id"].to_numpy(),
            "validation": (part[rows.index] == "validation").to_numpy(),
        }
        return Pool(
            ImageFiles(root, rows["name"].tolist(), (self.size, self.size), "crop" if self.fit == "crop" else "stretch"), columns
        )

    def _table(self, root: Path) -> pd.DataFrame:
        """The file's rows, checked, with label ``y``, group ``a``, path ``name`` below ``root`` and ``source_id``."""
        file = root / self.file
        if not file.is_file():
            raise DataError(f"there is no file {file}: {self.obtain}, relative to --data or absolute")
        if self.checksum and self.checksum != _checksum(file):
            raise DataError(f"{file} has changed since the search was started: start a new one, or put the file back")
        table = _read(file)
        self._check_columns(table, file)
        used = [name for name in (self.path, self.target, self.group, self.splits, self.source) if name in table]
        _check_complete(table[used], file)
        _check_different(table, self.path, "path", file)
        for role, name in (("target", self.target), ("group", self.group)):
            if table[name].nunique() < 2:
                raise DataError(
                    f"{file}: the {role} column {name!r} holds one value only, {table[name].iloc[0]!r}: nothing to compare"
                )
        table = table.assign(
            y=_codes(table[self.target]),
            a=_codes(table[self.group]),
            name=within(root, table[self.path].tolist()),
            source_id=_codes(table[self.source]) if self.source in table else np.arange(len(table)),
        )
        self._check_splits(table, file)
        return table

    def _check_columns(self, table: pd.DataFrame, file: Path) -> None:
        if self.target == self.group:
            raise DataError(f"{file}: the target and the group are both the column {self.target!r}: choose two")
        wanted = [self.path, self.target, self.group]
        wanted += [given for given, usual in ((self.splits, "split"), (self.source, "source")) if given != usual]
        if missing := [name for name in wanted if name not in table]:
            faults = "; ".join(unknown_name("column", name, map(str, table.columns)) for name in missing)
            raise DataError(f"{file}: {faults} Name the columns with --set path=, target=, group=, splits= or source=")

    def _check_splits(self, table: pd.DataFrame, file: Path) -> None:
        if self.splits not in table:
            return
        values = table[self.splits].str.lower()
        if unknown := sorted(set(values) - set(_PARTS)):
            raise DataError(
                f"{file}: the column {self.splits!r} holds {first_of(unknown, 3)}; it may hold train, validation and test"
            )
        if "train" not in set(values.map(_PARTS)):
            raise DataError(f"{file}: no row of the column {self.splits!r} says train")
        parts = values.map(_PARTS).groupby(table["source_id"]).nunique()
        if len(torn := parts[parts > 1]):
            names = table.drop_duplicates("source_id").set_index("source_id")[self.source]
            raise DataError(f"{file}: sources in more than one split ({len(torn)}): {first_of(names[torn.index].tolist())}")

    def _part(self, table: pd.DataFrame) -> pd.Series[str]:
        """The part of each row: as the file says; without test rows, a fixed share of every cell is the test part."""
        part = table[self.splits].str.lower().map(_PARTS) if self.splits in table else pd.Series("train", index=table.index)
        if "test" in set(part):
            return part
        training = np.flatnonzero(part == "train")
        y, a, source = (table.iloc[training][name].to_numpy() for name in ("y", "a", "source_id"))
        held_out = training[stratified(y, a, source, self.test_frac, generator(0, "data"))]
        return part.where(~part.index.isin(part.index[held_out]), "test")


def _read(file: Path) -> pd.DataFrame:
    """All values as text; whole numbers without a decimal point."""
    try:
        if file.suffix.lower() in (".parquet", ".pq"):
            return pd.read_parquet(file).convert_dtypes().astype("string").astype(object)
        with file.open(encoding="utf-8-sig", newline="") as lines:
            heading = lines.readline()
        separator = max(_SEPARATORS, key=heading.count)
        return pd.read_csv(file, sep=separator, encoding="utf-8-sig", dtype=str, skipinitialspace=True).rename(columns=str.strip)
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise DataError(
            f"cannot read {file}: {f'{error}'.partition(chr(10))[0]}; save it as CSV in UTF-8, or as Parquet"
        ) from error


def _check_complete(table: pd.DataFrame, file: Path) -> None:
    if not len(table):
        raise DataError(f"{file} has a heading but no rows")
    for name, values in table.items():
        if len(lines := np.flatnonzero(values.isna())):
            rows = first_of([str(line + 1) for line in lines])
            where = f"the column {str(name)!r} ({len(lines)})"
            raise DataError(f"{file}: rows without a value in {where}: {rows}, the first below the heading being 1")


def _check_different(table: pd.DataFrame, column: str, what: str, file: Path) -> None:
    counts = table[column].value_counts()
    if len(repeated := counts[counts > 1]):
        raise DataError(f"{file}: {what}s in more than one row ({len(repeated)}): {first_of(sorted(repeated.index))}")


def _check_files_differ(paths: pd.Series[str], found: list[os.stat_result], file: Path) -> None:
    """One file under two spellings or links would be trained on and tested."""
    same = pd.Series([(image.st_dev, image.st_ino) for image in found], index=paths.index).duplicated(keep=False)
    if same.any():
        raise DataError(
            f"{file}: images in more than one row under different paths ({same.sum()} rows): {first_of(sorted(paths[same]))}; "
            "keep one row of each"
        )


def _names(values: pd.Series[str]) -> tuple[str, ...]:
    """The different values, numbers by size and words by alphabet."""
    found = values.unique().tolist()
    try:
        return tuple(sorted(found, key=float))
    except ValueError:
        return tuple(sorted(found))


def _codes(values: pd.Series[str]) -> Ints:
    codes = {name: code for code, name in enumerate(_names(values))}
    return values.map(codes).to_numpy().astype(np.int64)


def _checksum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
