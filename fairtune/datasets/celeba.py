"""Celebrities' faces with forty attributes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from fairtune.batches.transforms import IMAGENET, Flip, ResizedCrop
from fairtune.datasets._base import Dataset
from fairtune.datasets._counts import check_test
from fairtune.datasets._cut import equal_cells
from fairtune.datasets._decoding import Reading
from fairtune.datasets._files import check_present, first_of, stamp
from fairtune.datasets._images import ImageFiles
from fairtune.datasets._pools import Content, Info, Part, Pool, Published
from fairtune.errors import DataError, InvalidInput, unknown_name
from fairtune.records import Ints, Split
from fairtune.seeding import generator
from fairtune.space import Options, Text, hyperparameter

FOLDER = "celeba"
ATTRIBUTES = "list_attr_celeba"
PARTITION = "list_eval_partition"
MD5 = {f"{ATTRIBUTES}.txt": "75e246fa4810816ffd6ee81facbd244c", f"{PARTITION}.txt": "d32c9cbf5e040fd4025c592c306e6668"}
_LIST_FOLDERS = (".", "Anno", "Eval")
_IMAGE_FOLDERS = ("img_align_celeba/img_align_celeba", "img_align_celeba", "Img/img_align_celeba", "images")
_PARTS: tuple[Part, ...] = ("train", "validation", "test")
_LARGEST = len(_PARTS) - 1
_SUFFIXES = (".jpg", ".jpeg", ".png")
_OF_IMAGES = ("image", "image_id", "image_name", "images", "file", "filename", "file_name", "id", "name")
"""What the column of the images is called: a heading in which it stands elsewhere lacks a name."""
_STORED = (218, 178)
_UNBIASED_SHARE = 0.6
_PUBLISHED = (162_770, 19_867)
"""Images for training and for validation."""


@dataclass(kw_only=True)
class CelebA(Dataset):
    """Aligned faces of celebrities; one attribute is predicted, another is the group (CelebA).

    x: 178x218 faces, seen at 176x176. y: ``target``. a: ``attribute``. Any two of the forty attributes; published are
    Attractive/Male (S. Jung et al., CVPR 2021), Smiling/Male and Smiling/Young (T. Hänel et al., ACCV 2022) and Blond_Hair/Male
    (R. Nahon et al., ECCV 2024, who number the sexes the other way round).

    The official partition: 162,770 images for training, 19,867 for validation, 19,962 for test; of the test images as many of
    each cell as the smallest one has: exactly balanced. ``protocol: fixed`` draws them; ``protocol: official`` takes the first
    in the order of the files, as the code of S. Jung et al. does, which leaves the validation images unused and looks at the
    test instead. ``train: unbiased`` trains on 60 % of the validation images, once balanced, and validates on the others, as
    FFW's code does.
    """

    cache_name: ClassVar[str] = "celeba-1"
    licence: ClassVar[str] = "non-commercial research only"
    may_be_shown: ClassVar[bool] = False
    citation: ClassVar[str] = "Z. Liu, P. Luo, X. Wang, X. Tang, Deep Learning Face Attributes in the Wild, ICCV 2015"
    obtain: ClassVar[str] = (
        f"get img_align_celeba.zip, {ATTRIBUTES}.txt and {PARTITION}.txt from mmlab.ie.cuhk.edu.hk/projects/CelebA.html and put "
        f"them into {FOLDER} of the folder given by --data, the images unpacked"
    )

    target: str = hyperparameter("Attractive", Text(), help="attribute to predict")
    attribute: str = hyperparameter("Male", Text(), help="attribute that is the group")
    train: str = hyperparameter(
        "biased", Options(values=("biased", "unbiased")), help="the training images, or a small balanced set of others"
    )
    protocol: str = hyperparameter(
        "fixed", Options(values=("fixed", "official")), help="which test images are balanced: drawn, or first"
    )

    def describe(self, root: Path) -> Info:
        """Without and with the target, without and with the attribute.

        Raises:
            InvalidInput: there is no such attribute, or both are the same.
            DataError: the list of attributes is missing or damaged.
        """
        path = self._list(root, ATTRIBUTES)
        known = read_attributes(path).columns
        faults = [
            f"{path}: {unknown_name('attribute', name, known)}" for name in (self.target, self.attribute) if name not in known
        ]
        if self.target == self.attribute:
            faults.append(f"the target and the attribute are both {self.target!r}: choose two")
        if faults:
            raise InvalidInput(faults)
        return self._info

    def reading(self, shape: tuple[int, ...]) -> Reading:
        """As they are stored: nets see a part of them."""
        return Reading(_STORED)

    def published(self) -> Published | None:
        """The official partition; of the small unbiased training set only its files tell."""
        return Published(self._info, (*_STORED, 3), *_PUBLISHED) if self.train == "biased" else None

    @property
    def _info(self) -> Info:
        return Info(
            classes=(f"not {self.target}", self.target),
            groups=(f"not {self.attribute}", self.attribute),
            shape=(3, 176, 176),
            augment=(ResizedCrop(), Flip()),
            normalise=IMAGENET,
            balanced_test=True,
            model="resnet18",
            epochs=50,
        )

    def check(self, root: Path) -> None:
        """Read both lists, and check that every image in them is there and that the test images fill every cell."""
        table = self._table(root)
        folder = self._images(root).relative_to(root)
        check_present(root, [f"{folder}/{name}" for name in table.index], self.obtain)
        test = table[table["partition"] == _PARTS.index("test")]
        check_test(*self._cells(test), self.describe(root))

    def content(self, root: Path) -> Content:
        """The lists and the images."""
        table = self._table(root)
        folder = self._images(root).relative_to(root)
        lists = [str(self._list(root, name).relative_to(root)) for name in (ATTRIBUTES, PARTITION)]
        return Content(files=(*lists, *(str(folder / name) for name in table.index)))

    def decode(self, root: Path) -> dict[Part, Pool]:
        """The three official parts, every attribute a column."""
        self.check(root)
        table = self._table(root)
        folder = self._images(root).relative_to(root)
        numbers = pd.Series(np.arange(len(table)), index=table.index)
        pools: dict[Part, Pool] = {}
        for number, part in enumerate(_PARTS):
            rows = table[table["partition"] == number]
            columns = {name: rows[name].to_numpy() for name in rows.columns if name != "partition"}
            images = ImageFiles(root, tuple(str(folder / name) for name in rows.index), _STORED)
            pools[part] = Pool(images, columns | {"source": numbers[rows.index].to_numpy()})
        return pools

    def training_parts(self) -> tuple[Part, ...]:
        """The official ones; the unbiased training set is a part of the validation images."""
        return ("train", "validation") if self.train == "biased" else ("validation",)

    def labels(self, pool: Pool) -> tuple[Ints, Ints]:
        """The two attributes chosen."""
        y, a = (pool.columns[name].astype(np.int64) for name in (self.target, self.attribute))
        return y, a

    def test_rows(self, pool: Pool) -> Ints:
        """Equally many of each cell."""
        return equal_cells(*self.labels(pool), None if self.protocol == "official" else generator(0, "data"))

    def training_splits(self, pools: Mapping[Part, Pool], info: Info, train_fraction: float = 1.0) -> dict[str, Split]:
        """The official parts; or, without bias, the balanced validation images cut in two."""
        if self.train == "biased":
            return super().training_splits(pools, info, train_fraction)
        pool = pools["validation"]
        rng = generator(self.seed, "data", 1)
        y, a = self.labels(pool)
        balanced = equal_cells(y, a, generator(0, "data"))
        rows = balanced[equal_cells(y[balanced], a[balanced], rng, share=_UNBIASED_SHARE)]
        validation = self.split(pool, np.setdiff1d(balanced, rows), info)
        return self.checked_splits(pool, rows, validation, info, train_fraction, rng)

    def _cells(self, table: pd.DataFrame) -> tuple[Ints, Ints]:
        return table[self.target].to_numpy().astype(np.int64), table[self.attribute].to_numpy().astype(np.int64)

    def _table(self, root: Path) -> pd.DataFrame:
        """Attributes and partition of every image, in the order of the files."""
        attributes, partition = read_attributes(self._list(root, ATTRIBUTES)), read_partition(self._list(root, PARTITION))
        if not attributes.index.equals(partition.index):
            unpaired = attributes.index.symmetric_difference(partition.index)
            named = first_of(sorted(map(str, unpaired)), 3) or "their order"
            raise DataError(f"the two lists of CelebA differ in {named}: {self.obtain}")
        return attributes.assign(partition=partition)

    def _list(self, root: Path, name: str) -> Path:
        paths = [root / FOLDER / folder / f"{name}{end}" for end in (".txt", ".csv") for folder in _LIST_FOLDERS]
        found = next((path for path in paths if path.is_file()), None)
        if found is None:
            raise DataError(f"{root / FOLDER / name}.txt (or .csv) is missing: {self.obtain}")
        return found

    def _images(self, root: Path) -> Path:
        found = next((root / FOLDER / folder for folder in _IMAGE_FOLDERS if (root / FOLDER / folder).is_dir()), None)
        if found is None:
            raise DataError(f"{root / FOLDER / 'img_align_celeba'} is missing: {self.obtain}")
        return found


def read_attributes(path: Path) -> pd.DataFrame:
    """Forty columns of 0 and 1, one row per image, indexed by file name.

    ``.txt`` is the official file: a count, the names, then -1 or 1; its checksum is compared with the published one. ``.csv`` has
    a heading line and commas or spaces.

    Raises:
        DataError: the file is damaged.
    """
    table = _read(path, stamp(path))
    return (table > 0).astype(np.uint8)


def read_partition(path: Path) -> pd.Series[int]:
    """0 for training, 1 for validation, 2 for test, indexed by file name.

    Raises:
        DataError: the file is damaged.
    """
    table = _read(path, stamp(path))
    partition = table.iloc[:, 0].astype(int)
    if not partition.isin(range(len(_PARTS))).all():
        raise DataError(f"{path}: the partition of an image must be 0, 1 or 2: {CelebA.obtain}")
    return partition


@lru_cache(maxsize=4)
def _read(path: Path, _stamp: tuple[int, ...]) -> pd.DataFrame:
    content = path.read_bytes()
    official = MD5.get(path.name)
    if official and (found := hashlib.md5(content, usedforsecurity=False).hexdigest()) != official:
        raise DataError(f"{path} is damaged (md5 {found}, expected {official}): {CelebA.obtain}")
    text = content.decode("utf-8-sig", "replace").replace('"', "")
    lines = [line.replace(" ", "").split(",") if "," in line else line.split() for line in text.splitlines() if line.strip()]
    table, listed = path.suffix == ".csv", path.name.startswith(ATTRIBUTES)
    above = 1 if table else 2 if listed else 0
    if len(lines) <= above:
        raise DataError(f"{path} names no image: {CelebA.obtain}")
    heading = lines[0] if table else ["image", *(lines[1] if listed else ["partition"])]
    return _labelled(path, heading, lines[above:])


def _labelled(path: Path, heading: list[str], rows: list[list[str]]) -> pd.DataFrame:
    """Numbers by image; what stands before the images, such as an index, and a comma at the end mean nothing."""
    before = next((place for place, value in enumerate(rows[0]) if value.lower().endswith(_SUFFIXES)), 0)
    rows = [row if row[-1] else row[:-1] for row in rows]
    named = heading if heading[-1] else heading[:-1]
    width = Counter(map(len, rows)).most_common(1)[0][0]
    if width == before + 1:
        raise DataError(f"{path}: {rows[0][before]!r} has no values, which commas or spaces separate: {CelebA.obtain}")
    names = named[len(named) + before + 1 - width :] if len(named) in (width, width - 1) else []
    if not names or any(name.lower() in _OF_IMAGES for name in names):
        raise DataError(f"{path}: the heading has {len(named)} names and the lines {width} values: {CelebA.obtain}")
    if odd := [row for row in rows if len(row) != width]:
        raise DataError(f"{path}: the line of {odd[0][before]} has {len(odd[0])} values instead of {width}: {CelebA.obtain}")
    if repeated := [name for name, count in Counter(row[before] for row in rows).items() if count > 1]:
        raise DataError(f"{path}: images in more than one line ({len(repeated):,}): {first_of(sorted(repeated))}; {CelebA.obtain}")
    return pd.DataFrame(
        _numbers(path, names, [row[before + 1 :] for row in rows]), columns=names, index=[row[before] for row in rows]
    )


def _numbers(path: Path, names: list[str], rows: list[list[str]]) -> npt.NDArray[np.int8]:
    """Whole numbers from -1 to 2, however they are written, and truth values."""
    try:
        found = np.array(rows, dtype=np.int8)
    except ValueError:
        spelled, spellings = pd.factorize(np.array(rows).ravel())
        numbers = np.array([_number(str(spelling)) for spelling in spellings], dtype=np.int8)
        found = numbers[spelled].reshape(len(rows), -1)
    odd = (found < -1) | (found > _LARGEST)
    if odd.any():
        named = first_of([f"{names[place]} ({count:,})" for place, count in enumerate(odd.sum(axis=0)) if count], 3)
        row, place = np.argwhere(odd)[0]
        raise DataError(
            f"{path}: values that are neither -1, 0, 1 nor True or False, such as {rows[row][place]!r}, in {named}: {CelebA.obtain}"
        )
    return found


def _number(spelling: str) -> int:
    """A value as a number; one out of range if it is none."""
    if spelling.lower() in ("true", "false"):
        return int(spelling.lower() == "true")
    with suppress(ValueError):
        if (number := float(spelling)).is_integer() and -1 <= number <= _LARGEST:
            return int(number)
    return _LARGEST + 1
