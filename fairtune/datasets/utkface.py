"""Faces with age, gender and race in the file name."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd

from fairtune.batches.transforms import IMAGENET, Crop, Flip
from fairtune.datasets._files import first_of
from fairtune.datasets._photographs import TEST, TRAIN, Photographs
from fairtune.datasets._pools import Content, Info
from fairtune.datasets._shares import cut_in_three
from fairtune.errors import DataError
from fairtune.names import Names, counted
from fairtune.records import Ints
from fairtune.seeding import generator
from fairtune.space import Options, hyperparameter

FOLDER = "UTKFace"
_NAME = re.compile(r"(?P<age>[^_]*)_(?P<gender>[^_]*)_(?P<race>[^_]*)_[^_]+\.jpe?g", re.IGNORECASE)
_SEPARATORS = 3
_OLDEST = 120
_RACES = ("White", "Black", "Asian", "Indian", "Others")
_RACE_NUMBERS = tuple(map(str, range(len(_RACES))))
_GROUPS = {"race4": _RACES[:4], "race5": _RACES, "gender": ("male", "female")}
_AGES = {"age_20_40": ((20, 40), ("0-19", "20-39", "40+")), "age_31_61": ((31, 61), ("0-30", "31-60", "61+"))}
_GENDERS = {"0": 0, "1": 1}
_UNKNOWN = -1
_PER_CELL = 100
_COMPLETE = 23_000


@dataclass(kw_only=True)
class UTKFace(Photographs):
    """Aligned faces: the age is predicted, race or gender is the group (UTKFace).

    x: 200x200 faces, stored at 256x256. y: one of three ages, from 20 and from 40 on (``age_20_40``: S. Jung et al., CVPR 2021,
    whose paper puts age 40 into the middle one, their code into the oldest) or from 31 and from 61 on (``age_31_61``: T. Hänel
    et al., ACCV 2022). a: one of four races, without Others, or five, or the gender. As by the authors, an image is used if its
    name has four fields: one that says no gender, as ``53__0_TIME.jpg.chip.jpg``, has an age and a race. Files whose names lack
    a field are left out, and counted by ``fairtune data inspect``.

    ``protocol: fixed`` draws a balanced test split, fixed once: 100 images of every cell, or a quarter of the smallest cell if
    that is less; validation is cut from the others. ``protocol: official`` with ``age_20_40`` takes 100 of every cell as the code
    of S. Jung et al. does, the last in an order shuffled with seed 1; with ``age_31_61`` 70, 20 and 10 % of all images for
    training, validation and test, as that of T. Hänel et al. (torch's permutation with seed 42).
    """

    cache_name: ClassVar[str] = "utkface-2"
    columns: ClassVar[tuple[str, ...]] = ("y", "a", "source", "age", "gender", "race")
    licence: ClassVar[str] = "non-commercial research only"
    may_be_shown: ClassVar[bool] = False
    citation: ClassVar[str] = (
        "Z. Zhang, Y. Song, H. Qi, Age Progression/Regression by Conditional Adversarial Autoencoder, CVPR 2017"
    )
    obtain: ClassVar[str] = (
        f"get UTKFace.tar.gz, aligned and cropped faces, from susanqq.github.io/UTKFace and unpack it so that "
        f"{FOLDER}/*.jpg.chip.jpg lie in the folder given by --data"
    )

    target: str = hyperparameter("age_20_40", Options(values=tuple(_AGES)), help="first ages of the second and third class")
    attribute: str = hyperparameter("race4", Options(values=tuple(_GROUPS)), help="what the groups are")
    protocol: str = hyperparameter(
        "fixed", Options(values=("fixed", "official")), help="splits: disjoint and balanced, or the authors'"
    )

    @property
    def cut_by_authors(self) -> bool:
        """T. Hänel et al. alone have validation images of their own."""
        return self.protocol == "official" and self.target == "age_31_61"

    def describe(self, root: Path) -> Info:
        """Three ages and the groups chosen, with the settings of the paper that has these ages."""
        first_paper = self.target == "age_20_40"
        return Info(
            classes=_AGES[self.target][1],
            groups=_GROUPS[self.attribute],
            shape=(3, 176, 176) if first_paper else (3, 240, 240),
            augment=(Crop(), Flip()) if first_paper else (),
            normalise=IMAGENET,
            balanced_test=not self.cut_by_authors,
            model="resnet18" if first_paper else "efficientnet_b1",
            epochs=50 if first_paper else 15,
            batch_size=128 if first_paper else 256,
        )

    def remarks(self, root: Path) -> list[str]:
        """How many names cannot be read, and whether many images are missing."""
        names, left_out = _names(root)
        found = [f"{counted(len(files), 'file')} left out, {fault}: {first_of(files)}" for fault, files in left_out.items()]
        sexless = sum(1 for name in names if (match := _NAME.fullmatch(name)) and match["gender"] not in _GENDERS)
        if sexless and self.attribute == "gender":
            found.append(f"{counted(sexless, 'file')} left out, their gender is neither 0 nor 1")
        if len(names) < _COMPLETE:
            found.append(f"{len(names):,} images; the complete dataset has about 23,700: was the archive unpacked to the end?")
        return found

    def content(self, root: Path) -> Content:
        """The options and the names of images that are not used, which both decide what is in the test part; the images."""
        table = self.table(root)
        unused = sorted(set(_names(root).used) - set(table["name"]))
        return Content((self.target, self.attribute, self.protocol, unused), table["file"].tolist())

    def table(self, root: Path) -> pd.DataFrame:
        """Every image with a group, in the order of the names."""
        names = _names(root).used
        fields = pd.DataFrame([match.groupdict() for name in names if (match := _NAME.fullmatch(name))])
        gender = fields["gender"].map(_GENDERS).fillna(_UNKNOWN)
        table = fields.assign(gender=gender, name=names, source=np.arange(len(names)), images=len(names))
        table["file"] = [f"{FOLDER}/{name}" for name in names]
        table = table.astype(dict.fromkeys(("age", "gender", "race"), np.int64))
        y = np.digitize(table["age"], _AGES[self.target][0]).astype(np.int64)
        a = table["gender" if self.attribute == "gender" else "race"]
        return table.assign(y=y, a=a)[a.between(0, len(_GROUPS[self.attribute]) - 1)]

    def part(self, table: pd.DataFrame) -> Ints:
        """Equally many test images of every cell, or the authors' shares."""
        if self.cut_by_authors:
            cut: Ints = cut_in_three(int(table["images"].iloc[0]))[table["source"].to_numpy()]
            return cut
        cell = table["y"].to_numpy() * len(_GROUPS[self.attribute]) + table["a"].to_numpy()
        if self.protocol == "official":
            order, per_cell = _official_order(table["name"].tolist()), _PER_CELL
            self._check_cells(np.bincount(cell, minlength=3 * len(_GROUPS[self.attribute])))
        else:
            order = generator(0, "data").permutation(len(table))
            per_cell = min(_PER_CELL, max(1, int(np.unique(cell, return_counts=True)[1].min()) // 4))
        part = np.full(len(table), TRAIN, dtype=np.int64)
        for c in np.unique(cell):
            part[order[cell[order] == c][:per_cell]] = TEST
        return part

    def _check_cells(self, cells: Ints) -> None:
        """The authors' code leaves nothing for training of a cell with up to 100 images, and then never ends."""
        if (smallest := int(cells.min())) <= _PER_CELL:
            y, a = divmod(int(cells.argmin()), len(_GROUPS[self.attribute]))
            named = Names(_AGES[self.target][1], _GROUPS[self.attribute]).cell(y, a)
            raise DataError(f"{named} has {smallest} images, of which protocol: official tests on {_PER_CELL}: use protocol: fixed")


class _Names(NamedTuple):
    """The images of the folder.

    Attributes:
        used: sorted names of those that say an age and a race.
        left_out: the names of the others, by what is wrong with them.
    """

    used: list[str]
    left_out: dict[str, list[str]]


def _names(root: Path) -> _Names:
    folder = root / FOLDER
    if not folder.is_dir():
        raise DataError(f"{folder} is missing: {UTKFace.obtain}")
    files = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))
    used: list[str] = []
    left_out: dict[str, list[str]] = {}
    for name in files:
        if fault := _fault(name):
            left_out.setdefault(fault, []).append(name)
        else:
            used.append(name)
    if not used:
        others = f", but {counted(len(files), 'other .jpg file')}" if files else ""
        raise DataError(f"{folder} holds no AGE_GENDER_RACE_TIME.jpg.chip.jpg{others}: {UTKFace.obtain}")
    return _Names(used, left_out)


def _fault(name: str) -> str:
    """What is wrong with a name; nothing if it says an age and a race."""
    match = _NAME.fullmatch(name)
    if match is None:
        return "their names lack a field" if name.count("_") < _SEPARATORS else "their names have a field too many"
    if not (match["age"].isdecimal() and int(match["age"]) <= _OLDEST):
        return f"their age is no number from 0 to {_OLDEST}"
    return "" if match["race"] in _RACE_NUMBERS else f"their race is none of the numbers 0 to {len(_RACES) - 1}"


def _official_order(names: list[str]) -> Ints:
    """Positions of the images in the order in which the code of S. Jung et al. fills the test split."""
    order = sorted(
        range(len(names)), key=lambda n: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", names[n])]
    )
    random.Random(1).shuffle(order)
    return np.array(order[::-1], dtype=np.int64)
