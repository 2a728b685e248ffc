"""What the datasets share whose images are the user's own: a table says what each image is."""

from __future__ import annotations

import dataclasses
import hashlib
from abc import abstractmethod
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from fairtune.batches.transforms import Flip
from fairtune.datasets._base import Dataset
from fairtune.datasets._counts import check_test
from fairtune.datasets._cut import Mask
from fairtune.datasets._decoding import Fit, Reading
from fairtune.datasets._files import first_of
from fairtune.datasets._found import find_files
from fairtune.datasets._images import ImageFiles
from fairtune.datasets._once import check_once, one_of_each
from fairtune.datasets._own_table import Asked, Table, Wishes, own_table
from fairtune.datasets._pools import Content, Info, Part, Pool
from fairtune.datasets._possible import balanced_batch, check_possible
from fairtune.datasets._reading import Listed
from fairtune.datasets._tones import Tones, read_window
from fairtune.records import Ints
from fairtune.space import Integer, Options, Real, Text, hyperparameter

_DEPTHS = ("found", "8", "10", "12", "14", "16")


@dataclass(kw_only=True)
class OwnImages(Dataset):
    """Images of the user's own.

    A subclass says where its table comes from and, unless each is a file, how an image is read.
    """

    licence: ClassVar[str] = "yours"
    citation: ClassVar[str] = "yours"
    tells_values: ClassVar[tuple[str, ...]] = ("depth", "window")

    target: str = hyperparameter("target", Text(), help="column of the classes")
    group: str = hyperparameter("group", Text(), help="column of the groups, or several joined by +, as sex+age")
    splits: str = hyperparameter("split", Text(), help="column of the splits, if there is one")
    source: str = hyperparameter("source", Text(), help="column of what must not be in two splits, if there is one")
    groups: str = hyperparameter("", Text(), help="groups to keep, in order; those joined by + are one: day,dusk+night")
    bins: str = hyperparameter("", Text(), help="edges or quantiles of columns of numbers: age:20,40; weight:q3")
    merge: str = hyperparameter(
        "no", Options(values=("no", "case")), help="whether values that differ in case or number format only are one"
    )
    on_missing: str = hyperparameter(
        "error", Options(values=("error", "drop", "group")), help="rows without a class or group: refused, left out, a group"
    )
    on_duplicate: str = hyperparameter(
        "error", Options(values=("error", "drop", "keep")), help="equal images in several splits: refused, one kept, all kept"
    )
    size: int = hyperparameter(64, Integer(low=8, high=1024), help="height and width in pixels")
    fit: str = hyperparameter("stretch", Options(values=("stretch", "crop")), help="how images become squares")
    depth: str = hyperparameter("found", Options(values=_DEPTHS), help="bits that images kept in 16 bits really have")
    window: str = hyperparameter("", Text(), help="values that become black and white, as 0..4095")
    val_frac: float = hyperparameter(0.2, Real(low=0.01, high=0.9), help="share held out for validation where no split is given")
    flip: bool = hyperparameter(True, Options(values=(True, False)), help="whether training images are mirrored at random")
    test_frac: float = hyperparameter(0.2, Real(low=0.01, high=0.9), help="share held out for testing where no split is given")

    @property
    def path_column(self) -> str:
        """The column that names the images."""
        return "path"

    @abstractmethod
    def listed_in(self, root: Path) -> Path:
        """The file or folder that lists the images."""

    @abstractmethod
    def listing(self, root: Path) -> Listed:
        """The table as it is."""

    @abstractmethod
    def stamp(self, root: Path) -> object:
        """What changes whenever the table does."""

    def images(self, root: Path, names: list[str]) -> ImageFiles:
        """The images of these names."""
        found = find_files(root, names).names
        return ImageFiles(root, found, (self.size, self.size), self._fit, Tones(None, read_window(self.window)))

    def files(self, root: Path, names: list[str]) -> list[str]:
        """The files that images of these names are read from, relative to the folder."""
        return find_files(root, names).names

    def check_images(self, root: Path, table: Table) -> None:
        """Check that every image is there, each in one row."""
        files = self.files(root, table.rows["name"].tolist())
        if self.on_duplicate == "error":
            check_once(root, table.rows["path"], files, self.listed_in(root))

    def table(self, root: Path) -> Table:
        """What each image is, read once as long as nothing changes.

        Raises:
            DataError: what is wrong with the table.
            InvalidInput: what is wrong with the options.
        """
        wishes = {field.name: getattr(self, field.name) for field in dataclasses.fields(Wishes) if field.name != "path"}
        wished = Wishes(path=self.path_column, **wishes)
        return own_table(Asked(root, self.listed_in(root), wished, self.stamp(root), partial(self.listing, root)))

    def describe(self, root: Path) -> Info:
        """Classes and groups as the table names them."""
        table = self.table(root)
        cells = table.cells(table.of("test"))
        training = table.cells(table.of("train"))
        if not len(table.of("validation")):
            training = np.maximum(np.floor(training * (1 - self.val_frac)).astype(np.int64) - 1, 1)
        return Info(
            classes=table.classes,
            groups=table.groups,
            shape=(3, self.size, self.size),
            augment=(Flip(),) if self.flip else (),
            balanced_test=bool((cells == cells[0]).all()),
            model="cnn",
            epochs=50,
            batch_size=balanced_batch(training.sum(keepdims=True)),
            balanced_batch_size=balanced_batch(training),
        )

    def check(self, root: Path) -> None:
        """Read the table, look for every image, each in one row, and check that every split can have samples in every cell."""
        table = self.table(root)
        info = self.describe(root)
        check_possible(table.cells(table.rows.drop_duplicates(["y", "a", "source"])), info.names, self.listed_in(root))
        self.check_images(root, table)
        test = table.of("test")
        check_test(test["y"].to_numpy(), test["a"].to_numpy(), info)

    def remarks(self, root: Path) -> list[str]:
        """What the table holds that was read otherwise than one might think."""
        table = self.table(root)
        return [*table.remarks, *self.remarks_on_files(root, table)]

    def remarks_on_files(self, root: Path, table: Table) -> list[str]:
        """Which files are called otherwise than the table calls them."""
        otherwise = find_files(root, table.rows["name"].tolist()).otherwise
        if not otherwise:
            return []
        named = first_of([f"{name} as {found}" for name, found in otherwise.items()], 3)
        return [f"files that are called otherwise than in {self.listed_in(root)} ({len(otherwise):,}): {named}"]

    def reading(self, shape: tuple[int, ...]) -> Reading:
        """As the options say."""
        depth = None if self.depth == "found" else int(self.depth)
        return Reading((self.size, self.size), self._fit, Tones(depth, read_window(self.window)))

    def content(self, root: Path) -> Content:
        """How the images are decoded, what the table says of each, and the images."""
        table = self.table(root)
        said = table.rows[["y", "a", "source", "part"]]
        rows = hashlib.sha256(pd.util.hash_pandas_object(said, index=False).to_numpy().tobytes()).hexdigest()
        return Content((self.size, self.fit, self.depth, self.window, rows), self.files(root, table.rows["name"].tolist()))

    def decode(self, root: Path) -> dict[Part, Pool]:
        """The training part, with the validation images that the table names, and the test part."""
        table = self.table(root)
        images = self.images(root, table.rows["name"].tolist())
        depth = (None if self.window else images.depth()) if self.depth == "found" else int(self.depth)
        images = dataclasses.replace(images, tones=dataclasses.replace(images.tones, depth=depth))
        test = (table.rows["part"] == "test").to_numpy()
        return {"train": _pool(images, table.rows, ~test), "test": _pool(images, table.rows, test)}

    def held_out(self, pool: Pool, rng: np.random.Generator) -> Mask:
        """The validation images that the table names; a share of every cell if it names none."""
        named: Mask = pool.columns["validation"]
        return named if named.any() else super().held_out(pool, rng)

    def training_rows(self, pool: Pool) -> Ints:
        """All rows, or one of each image, as ``on_duplicate`` says.

        Raises:
            DataError: images are in several splits.
        """
        return one_of_each(pool, "train", self.on_duplicate)

    def test_rows(self, pool: Pool) -> Ints:
        """All rows, or one of each image."""
        return one_of_each(pool, "test", self.on_duplicate)

    def numbering(self) -> object:
        """Rows of the table, or the values of a column of it."""
        return self._numbering()

    def _numbering(self) -> tuple[str, str]:
        return self.source, self.merge

    @property
    def _fit(self) -> Fit:
        return "crop" if self.fit == "crop" else "stretch"


def _pool(images: ImageFiles, rows: pd.DataFrame, chosen: Mask) -> Pool:
    mine = rows[chosen]
    columns = {name: mine[name].to_numpy() for name in ("y", "a", "source")}
    return Pool(images.take(np.flatnonzero(chosen)), columns | {"validation": (mine["part"] == "validation").to_numpy()})
