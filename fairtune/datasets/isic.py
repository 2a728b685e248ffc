"""Photographs of skin lesions: melanoma or not, by the patient's sex."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from fairtune.batches.transforms import IMAGENET, ColourJitter, Flip, Rotation
from fairtune.datasets._cleaning import numbered_sources
from fairtune.datasets._cut import stratified
from fairtune.datasets._decoding import Fit
from fairtune.datasets._files import check_present, first_of
from fairtune.datasets._photographs import TEST, TRAIN, Photographs
from fairtune.datasets._pools import Content, Info
from fairtune.datasets._reading import column, read_listed
from fairtune.datasets._shares import cut_in_three
from fairtune.errors import DataError
from fairtune.records import Ints
from fairtune.seeding import generator
from fairtune.space import Options, Real, hyperparameter

FOLDER = "isic"
TABLE = "train.csv"
IMAGES = "jpeg/train"
_NEEDED = ("image_name", "patient_id", "sex", "target")
_SEXES = ("male", "female")
_TEST_SHARE = 0.2


@dataclass(kw_only=True)
class ISIC(Photographs):
    """Skin lesions of the SIIM-ISIC 2020 challenge: is it a melanoma?

    x: the central square of a photograph, stored at 256x256. y: benign or malignant, about 1.8 % of 33,126. a: the patient's sex.
    Few are malignant: cross-entropy is trained with effective-number class weights (beta 0.9998), and models are compared by
    the area under the ROC curve.

    ``protocol: fixed`` keeps the images of a patient together: a fifth of the patients is the test split, fixed once, and the
    share ``val_frac`` of the others is held out; patients of unknown sex are left out. ``protocol: official`` cuts the images into
    70, 20 and 10 % for training, validation and test, as the code of T. Hänel et al. (ACCV 2022) does (torch's permutation with
    seed 42), so that images of one patient train and test, and gives patients of unknown sex the commoner one.
    """

    cache_name: ClassVar[str] = "isic-2"
    fit: ClassVar[Fit] = "crop"
    licence: ClassVar[str] = "CC BY-NC 4.0"
    citation: ClassVar[str] = (
        "V. Rotemberg et al., A patient-centric dataset of images and metadata for identifying melanomas using clinical context, "
        "Scientific Data 8, 2021"
    )
    obtain: ClassVar[str] = (
        f"get {TABLE} and the folder jpeg of kaggle.com/c/siim-isic-melanoma-classification into {FOLDER} of the folder given "
        "by --data"
    )

    protocol: str = hyperparameter(
        "fixed", Options(values=("fixed", "official")), help="splits: by patient, or the authors' by image"
    )
    val_frac: float = hyperparameter(0.2, Real(low=0.01, high=0.9), help="share of the training set held out for validation")

    def describe(self, root: Path) -> Info:
        """Two diagnoses, two sexes."""
        return Info(
            classes=("benign", "malignant"),
            groups=_SEXES,
            shape=(3, 240, 240),
            augment=(Flip(), Flip(vertical=True), Rotation(180), ColourJitter(0.2, 0.2, 0.3)),
            normalise=IMAGENET,
            balanced_test=False,
            model="efficientnet_b1",
            epochs=15,
            batch_size=256,
            class_balance=0.9998,
        )

    def check(self, root: Path) -> None:
        """Read the table, and check that every image in it is there and that the test split has samples in every cell."""
        check_present(root, self.table(root)["file"].tolist(), self.obtain)
        super().check(root)

    def remarks(self, root: Path) -> list[str]:
        """How many images are left out for want of the patient's sex, and how many are of nobody known."""
        table, found = _read(root), []
        if unknown := int(table["sex"].isna().sum()):
            done = "are left out" if self.protocol == "fixed" else "count to the commoner sex"
            found.append(f"images of patients of unknown sex {done}: {unknown:,}")
        if self.protocol == "fixed" and (nameless := int(table["patient_id"].isna().sum())):
            found.append(f"images without a patient_id are each taken as a patient of their own: {nameless:,} of {len(table):,}")
        return found

    def content(self, root: Path) -> Content:
        """The protocol, which decides what is in the test part, the table and the images.

        Earlier versions took all images without a patient for one patient's, so that their pools have another test part.
        """
        apart = self.protocol == "fixed" and bool(_read(root)["patient_id"].isna().any())
        return Content((self.protocol, *(["apart"] if apart else [])), (f"{FOLDER}/{TABLE}", *self.table(root)["file"]))

    @property
    def cut_by_authors(self) -> bool:
        """Under their protocol."""
        return self.protocol == "official"

    def numbering(self) -> object:
        """Patients or images, as the protocol says."""
        return self.protocol

    def table(self, root: Path) -> pd.DataFrame:
        """Every image used, in the order of the names."""
        table = _read(root)
        if self.protocol == "official":
            table = table.assign(sex=table["sex"].fillna(table["sex"].mode()[0]), source=np.arange(len(table)))
        else:
            table = table.assign(source=numbered_sources(table["patient_id"])[0])[table["sex"].notna()]
        file = [f"{FOLDER}/{IMAGES}/{name}.jpg" for name in table["image_name"]]
        return table.assign(file=file, y=table["target"].astype(np.int64), a=table["sex"].map(_SEXES.index).astype(np.int64))

    def part(self, table: pd.DataFrame) -> Ints:
        """By patient, or as the authors cut the images."""
        if self.protocol == "official":
            return cut_in_three(len(table))
        y, a, patient = (table[name].to_numpy().astype(np.int64) for name in ("y", "a", "source"))
        part = np.full(len(table), TRAIN, dtype=np.int64)
        part[stratified(y, a, patient, _TEST_SHARE, generator(0, "data"))] = TEST
        return part


def _read(root: Path) -> pd.DataFrame:
    """The table, one row per image, sorted by name."""
    path = root / FOLDER / TABLE
    if not path.is_file():
        raise DataError(f"{path} is missing: {ISIC.obtain}")
    try:
        table = read_listed(path).rows
    except DataError as error:
        raise DataError(f"{error}: {ISIC.obtain}") from error
    if absent := [name for name in _NEEDED if name not in table.columns]:
        raise DataError(f"{path} has no column {', '.join(absent)}: {ISIC.obtain}")
    if table.empty:
        raise DataError(f"{path} has a heading but no rows: {ISIC.obtain}")
    sexes = column(table, "sex", path)
    table = table[list(_NEEDED)].assign(sex=sexes.str.lower())
    faults = [
        *_odd(sexes[table["sex"].notna() & ~table["sex"].isin(_SEXES)], "sex", set(_SEXES), "male, female or nothing"),
        *_odd(table["target"].fillna("nothing"), "target", {"0", "1", "0.0", "1.0"}, "0 or 1"),
    ]
    if faults:
        raise DataError(f"{path}: {'; '.join(faults)}")
    if len(repeated := table["image_name"][table["image_name"].duplicated()]):
        raise DataError(f"{path}: images in more than one row ({len(repeated):,}): {first_of(sorted(repeated))}; {ISIC.obtain}")
    return table.assign(target=table["target"].astype(float)).sort_values("image_name", ignore_index=True)


def _odd(values: pd.Series[str], name: str, known: set[str], allowed: str) -> list[str]:
    """A sentence for values that a column must not have, with their counts."""
    counts = values[~values.isin(known)].value_counts()
    named = ", ".join(f"{value} ({counts[value]:,})" for value in sorted(counts.index))
    return [f"the column {name} holds {named}; it may hold {allowed}"] if len(counts) else []
