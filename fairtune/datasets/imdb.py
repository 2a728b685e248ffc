"""Faces of actors whose age tells their gender."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from fairtune.batches.transforms import IMAGENET
from fairtune.datasets._base import Dataset
from fairtune.datasets._counts import check_test
from fairtune.datasets._cut import stratified
from fairtune.datasets._files import check_present, first_of
from fairtune.datasets._images import ImageFiles
from fairtune.datasets._pickles import read_object
from fairtune.datasets._pools import Content, Info, Part, Pool
from fairtune.errors import DataError, InvalidInput
from fairtune.records import Ints
from fairtune.seeding import generator
from fairtune.space import Options, hyperparameter

FOLDER = "imdb_crop"
LABELS = "imdb_age_gender.npy"
SPLIT = "imdb_split.npy"
BIASED = {"eb1": "eb1_img_list.npy", "eb2": "eb2_img_list.npy"}
AGE_BINS = (20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70)
_LIST_FOLDERS = (".", "auxiliary", FOLDER, f"{FOLDER}/auxiliary")
_STORED = (224, 224)
_OLDER = 40
_VALIDATION_SHARE = 0.25


@dataclass(kw_only=True)
class IMDB(Dataset):
    """Faces of actors, trained on young women and older men or the other way round (IMDB EB1 and EB2).

    x: 224x224 faces. y: gender. a: under 40, or 40 and older. Attribute vector: the age in 12 bins, one-hot, those of
    R. Ragonesi et al., "Learning Unbiased Representations via Mutual Information Backpropagation", 2021: 0 to 19, then by five
    years, from 70 on.

    ``train: eb1`` are women up to 30 and men from 40 on (36,003 images), ``eb2`` men up to 30 and women from 40 on (16,799).
    ``test: test`` are faces of all ages (22,468), ``eb1`` and ``eb2`` the other training list; there each gender has one age only
    and groups cannot be compared. The training lists have no other cells, so that a quarter of the test list, all ages, validates.

    ``protocol: fixed`` keeps a person's images together (the number before the first ``_`` of a file name is the person), tests on
    the rest of the list, and leaves out of training whoever occurs in validation or test. ``protocol: official`` takes the
    lists image by image: a person may be in several splits, an image in one only. The authors, who do not validate, test on the
    whole test list; here on what does not validate. The papers train on 2,000 images: ``--train-fraction``.
    The authors' code subtracts the means of blue, green and red from red, green and blue; here images are normalised as ImageNet's.
    """

    cache_name: ClassVar[str] = "imdb-2"
    licence: ClassVar[str] = "academic research only"
    may_be_shown: ClassVar[bool] = False
    citation: ClassVar[str] = (
        "R. Rothe, R. Timofte, L. Van Gool, Deep Expectation of Real and Apparent Age from a Single Image, IJCV 2018; lists of "
        "B. Kim et al., Learning Not to Learn, CVPR 2019, after M. Alvi et al., Turning a Blind Eye, 2018"
    )
    obtain: ClassVar[str] = (
        f"unpack imdb_crop.tar of data.vision.ee.ethz.ch/cvl/rrothe/imdb-wiki into the folder given by --data, and put {LABELS} "
        f"and {SPLIT} (linked at github.com/feidfoe/learning-not-to-learn) and {', '.join(BIASED.values())} (in auxiliary.zip of "
        "github.com/rugrag/learn-unbiased) beside it"
    )

    train: str = hyperparameter("eb1", Options(values=("eb1", "eb2")), help="young women and older men, or the other way round")
    test: str = hyperparameter("test", Options(values=("test", "eb1", "eb2")), help="all ages, or the other biased list")
    protocol: str = hyperparameter("fixed", Options(values=("fixed", "official")), help="splits: disjoint by person, or by image")

    def describe(self, root: Path) -> Info:
        """Two genders, two ages.

        Raises:
            InvalidInput: training and test are the same list.
        """
        if self.train == self.test:
            raise InvalidInput(
                f"training and test are both {self.train}: test on test or {'eb2' if self.train == 'eb1' else 'eb1'}"
            )
        return Info(
            classes=("female", "male"),
            groups=(f"under {_OLDER}", f"{_OLDER} and older"),
            shape=(3, 224, 224),
            normalise=IMAGENET,
            balanced_test=False,
            model="resnet50_128",
            epochs=10,
            batch_size=24,
        )

    def check(self, root: Path) -> None:
        """Read the lists, and check that every image in them is there and that the validation images have all cells."""
        people = self._people(root)
        lists = self._lists(root)
        check_present(root, [f"{FOLDER}/{name}" for names in lists.values() for name in names], self.obtain)
        if self.test == "test":
            age, gender = people.of(lists["test"])
            check_test(gender, (age >= _OLDER).astype(np.int64), self.describe(root))

    def content(self, root: Path) -> Content:
        """The options, which decide what is in each part, the lists and the images."""
        names = [f"{FOLDER}/{name}" for names in self._lists(root).values() for name in names]
        biased = [BIASED[given] for given in (self.train, self.test) if given in BIASED]
        files = [str(self._list(root, name).relative_to(root)) for name in (LABELS, SPLIT, *biased)]
        return Content((self.train, self.test, self.protocol), (*files, *names))

    def decode(self, root: Path) -> dict[Part, Pool]:
        """The three lists."""
        self.check(root)
        people = self._people(root)
        return {part: self._pool(root, names, people) for part, names in self._lists(root).items()}

    def training_parts(self) -> tuple[Part, ...]:
        """Validation images are of all ages, those for training are not."""
        return ("train", "validation")

    def numbering(self) -> object:
        """People or images, as the protocol says."""
        return self.protocol

    def check_test(self, pool: Pool, info: Info) -> None:
        """The biased lists have one age for each gender, by design."""
        if self.test == "test":
            super().check_test(pool, info)

    def labels(self, pool: Pool) -> tuple[Ints, Ints]:
        """Gender, and whether someone is 40 or older."""
        return pool.columns["gender"], (pool.columns["age"] >= _OLDER).astype(np.int64)

    def attribute_vectors(self, pool: Pool) -> npt.NDArray[np.float32]:
        """The age ``(N, 12)``, see :func:`one_hot_age`."""
        return one_hot_age(pool.columns["age"])

    def _pool(self, root: Path, names: list[str], people: _People) -> Pool:
        age, gender = people.of(names)
        source = people.number_of(names) if self.protocol == "fixed" else people.position_of(names)
        images = ImageFiles(root, tuple(f"{FOLDER}/{name}" for name in names), _STORED)
        return Pool(images, {"age": age, "gender": gender, "source": source})

    def _lists(self, root: Path) -> dict[Part, list[str]]:
        """The images of each part."""
        held_out = _names(self._read(root, SPLIT, "test_list"))
        train = _names(self._read(root, BIASED[self.train]))
        test = held_out if self.test == "test" else _names(self._read(root, BIASED[self.test]))
        validation = [held_out[n] for n in self._validation(held_out, self._people(root))]
        test = self._without(test, validation)
        return {"train": self._without(train, [*validation, *test]), "validation": validation, "test": test}

    def _without(self, names: list[str], seen: list[str]) -> list[str]:
        """The images that are not among others or, under ``protocol: fixed``, whose people are not."""
        source = _person if self.protocol == "fixed" else str
        known = set(map(source, seen))
        return [name for name in names if source(name) not in known]

    def _validation(self, names: list[str], people: _People) -> Ints:
        """Positions of a quarter of the people in the test list, of every gender and age."""
        age, gender = people.of(names)
        older = (age >= _OLDER).astype(np.int64)
        return stratified(gender, older, people.number_of(names), _VALIDATION_SHARE, generator(0, "data"))

    def _people(self, root: Path) -> _People:
        stored = self._read(root, LABELS)
        try:
            if not isinstance(stored, dict):
                raise TypeError(f"it holds a {type(stored).__name__}")
            return _People({_text(name): (int(entry["age"]), int(entry["gender"])) for name, entry in stored.items()})
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{self._list(root, LABELS)} is not a dict of name to age and gender ({error}): {self.obtain}"
            ) from error

    def _read(self, root: Path, name: str, key: str | None = None) -> object:
        path = self._list(root, name)
        stored = read_object(path, self.obtain)
        if key is None:
            return stored
        if not isinstance(stored, dict) or key not in stored:
            raise DataError(f"{path} is not a dict with {key}: {self.obtain}")
        return stored[key]

    def _list(self, root: Path, name: str) -> Path:
        found = next((root / folder / name for folder in _LIST_FOLDERS if (root / folder / name).is_file()), None)
        if found is None:
            raise DataError(f"{root / name} is missing: {self.obtain}")
        return found


def one_hot_age(ages: Ints) -> npt.NDArray[np.float32]:
    """Ages in 12 bins.

    Args:
        ages: in years ``(n,)``.

    Returns:
        ``(n, 12)``: below 20, then steps of five years, and from 70 on.
    """
    return np.eye(len(AGE_BINS) + 1, dtype=np.float32)[np.digitize(ages, AGE_BINS)]


@dataclass(frozen=True)
class _People:
    """Age and gender by file name."""

    labels: dict[str, tuple[int, int]]

    def of(self, names: list[str]) -> tuple[Ints, Ints]:
        if unknown := [name for name in names if name not in self.labels]:
            raise DataError(f"{LABELS} has no age and gender of {len(unknown)} listed images: {first_of(unknown, 3)}")
        both = np.array([self.labels[name] for name in names], dtype=np.int64).reshape(-1, 2)
        return both[:, 0], both[:, 1]

    def number_of(self, names: list[str]) -> Ints:
        numbers = {person: number for number, person in enumerate(sorted(set(map(_person, self.labels))))}
        return np.array([numbers[_person(name)] for name in names], dtype=np.int64)

    def position_of(self, names: list[str]) -> Ints:
        positions = {name: position for position, name in enumerate(self.labels)}
        return np.array([positions[name] for name in names], dtype=np.int64)


def _person(name: str) -> str:
    """``nm0000100`` of ``00/nm0000100_rm46373120_1955-1-6_2003.jpg``."""
    return Path(name).name.partition("_")[0]


def _names(listed: object) -> list[str]:
    return [_text(name) for name in np.asarray(listed, dtype=object).ravel()]


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
