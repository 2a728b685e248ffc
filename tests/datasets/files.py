"""Small files in the original formats of the datasets; pixels and values are drawn.

``make_NAME(root, patch)`` writes them and, where the dataset checks checksums or numbers of rows, makes it accept these.
"""

import gzip
import hashlib
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fairtune.datasets import Pool, _cifar10, _mnist, adult, celeba, cmnist, corrupted_cifar10, german, imdb, isic, utkface
from fairtune.datasets._images import ImageFiles
from fairtune.records import Bytes, Ints

PER_CLASS = 40
MNIST_PER_CLASS = {"TRAIN_MD5": 520, "TEST_MD5": 110}


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def write_cifar10(root: Path, seed: int = 0) -> list[dict[str, str]]:
    """Six batch files with few random images; returns their checksums as (train, test)."""
    folder = root / _cifar10.FOLDER
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    checksums = []
    for known in (_cifar10.TRAIN_MD5, _cifar10.TEST_MD5):
        written = {}
        for name in known:
            labels = rng.permutation(np.repeat(np.arange(10), PER_CLASS))
            pixels = rng.integers(0, 256, (len(labels), 3 * 32 * 32), dtype=np.uint8)
            content = pickle.dumps({"batch_label": name, "labels": labels.tolist(), "data": pixels, "filenames": []})
            (folder / name).write_bytes(content)
            written[name] = md5(content)
        checksums.append(written)
    return checksums


def make_cifar10(root: Path, patch: pytest.MonkeyPatch) -> None:
    for name, written in zip(("TRAIN_MD5", "TEST_MD5"), write_cifar10(root), strict=True):
        patch.setattr(_cifar10, name, written)


def make_mnist(root: Path, patch: pytest.MonkeyPatch, packed: bool = True) -> None:
    """Four idx files; a digit is a bright bar whose height is its class."""
    folder = root / _mnist.FOLDER
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    for constant, per_class in MNIST_PER_CLASS.items():
        labels = rng.permutation(np.repeat(np.arange(10, dtype=np.uint8), per_class))
        images = np.zeros((len(labels), 28, 28), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[4 : 8 + 2 * label, 12:16] = rng.integers(100, 256)
        contents = (_idx(images), _idx(labels))
        patch.setattr(_mnist, constant, {n: md5(c) for n, c in zip(getattr(_mnist, constant), contents, strict=True)})
        for name, content in zip(getattr(_mnist, constant), contents, strict=True):
            (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(content, 1) if packed else content)


def _idx(array: Bytes) -> bytes:
    sizes = np.array(array.shape, dtype=">i4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def write_image(path: Path, rng: np.random.Generator, size: tuple[int, int] = (40, 40)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST).save(path, quality=90)


CELEBA_NAMES = ("5_o_Clock_Shadow", "Attractive", "Blond_Hair", "Male", "Smiling", "Young")
CELEBA_PARTS = (80, 40, 48)


def make_celeba(root: Path, patch: pytest.MonkeyPatch, form: str = "txt") -> tuple[Ints, Ints]:
    """Images and lists, in the official form, as comma-separated files, or with spaces and other headings."""
    folder = root / celeba.FOLDER
    folder.mkdir()
    rng = np.random.default_rng(2)
    images = sum(CELEBA_PARTS)
    names = [f"{n + 1:06d}.jpg" for n in range(images)]
    values = np.where(rng.random((images, len(CELEBA_NAMES))) < 0.5, 1, -1)
    partition = np.repeat([0, 1, 2], CELEBA_PARTS)
    for name in names:
        write_image(folder / "img_align_celeba" / name, rng, (45, 55))
    rows = [[name, *map(str, row)] for name, row in zip(names, values, strict=True)]
    if form == "txt":
        attributes = [str(images), " ".join(CELEBA_NAMES) + " ", *("  ".join(row) for row in rows)]
        parts = [f"{name} {part}" for name, part in zip(names, partition, strict=True)]
    else:
        separator, headings = {"csv": (",", ("image_id", "partition")), "spaces": (" ", ("image", "split"))}[form]
        attributes = [separator.join(line) for line in ((headings[0], *CELEBA_NAMES), *rows)]
        parts = [separator.join(headings), *(f"{name}{separator}{part}" for name, part in zip(names, partition, strict=True))]
    for stem, lines in ((celeba.ATTRIBUTES, attributes), (celeba.PARTITION, parts)):
        path = folder / f"{stem}.{'txt' if form == 'txt' else 'csv'}"
        path.write_text("\n".join(lines) + "\n")
        if form == "txt":
            patch.setitem(celeba.MD5, path.name, md5(path.read_bytes()))
    return values, partition


UTKFACE_MALFORMED = (
    "39_1_20170116174525125.jpg.chip.jpg",
    "61_1_20170109150557335.jpg.chip.jpg",
    "9_1_2_3_20170109150557335.jpg.chip.jpg",
)
UTKFACE_WITHOUT_GENDER = "53__0_20170116184028385.jpg.chip.jpg"


def make_utkface(root: Path, patch: pytest.MonkeyPatch, per_cell: int = 12) -> None:
    """Faces of every age, gender and race, one of no gender, and three whose names lack a field or have too many."""
    folder = root / utkface.FOLDER
    folder.mkdir()
    rng = np.random.default_rng(3)
    for race in range(5):
        for number, age in enumerate(np.tile([5, 19, 20, 30, 31, 39, 40, 60, 61, 90], per_cell // 2)):
            write_image(folder / f"{age}_{number % 2}_{race}_2017011{race}{number:06d}.jpg.chip.jpg", rng, (20, 20))
    for name in (UTKFACE_WITHOUT_GENDER, *UTKFACE_MALFORMED):
        write_image(folder / name, rng)


def make_isic(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Photographs of 60 patients, three each, and one of a patient of unknown sex."""
    folder = root / isic.FOLDER
    rng = np.random.default_rng(4)
    rows = []
    for n in range(181):
        patient = n // 3
        sex = None if n == 180 else ("male", "female")[patient % 2]
        malignant = int(n % 3 == 0 and patient % 6 < 2)
        rows.append(
            (f"ISIC_{n:07d}", f"IP_{patient:07d}", sex, 45, "torso", "unknown", ("benign", "malignant")[malignant], malignant)
        )
        write_image(folder / isic.IMAGES / f"ISIC_{n:07d}.jpg", rng, (60, 40))
    names = ["image_name", "patient_id", "sex", "age_approx", "anatom_site_general_challenge"]
    names += ["diagnosis", "benign_malignant", "target"]
    pd.DataFrame(rows, columns=names).sample(frac=1, random_state=0).to_csv(folder / isic.TABLE, index=False)


def make_imdb(root: Path, patch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Crops of 80 people, three each, and the four lists beside them."""
    rng = np.random.default_rng(5)
    labels: dict[bytes, dict[str, int]] = {}
    lists: dict[str, list[str]] = {"eb1": [], "eb2": [], "test_list": [], "train_list": []}
    for person in range(80):
        gender, young = person % 2, person // 2 % 2
        for shot in range(3):
            age = int(rng.integers(18, 31) if young else rng.integers(40, 75))
            name = f"{person % 10:02d}/nm{person:07d}_rm{shot}_1950-1-1_{1950 + age}.jpg"
            labels[name.encode()] = {"age": age, "gender": gender}
            biased = "eb1" if bool(young) != bool(gender) else "eb2"
            lists["test_list" if person % 20 < 8 else biased].append(name)
            write_image(root / imdb.FOLDER / name, rng)
    lists["eb1"].append(lists["test_list"][0])
    np.save(root / imdb.LABELS, np.array(labels, dtype=object), allow_pickle=True)
    np.save(root / imdb.SPLIT, np.array({k: lists[k] for k in ("train_list", "test_list")}, dtype=object), allow_pickle=True)
    for name, file in imdb.BIASED.items():
        np.save(root / file, np.array(lists[name]))
    return lists


CMNIST_PER_CLASS = {"train": 30, "test": 240}


def write_cmnist(folder: Path, variance: str = "0.030") -> None:
    """A published file of coloured MNIST: inks near one colour per class in training, of any class in the test."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    means = np.array(list(cmnist.INKS.values()))
    stored: dict[str, np.ndarray] = {}
    for part, per_class in CMNIST_PER_CLASS.items():
        y = rng.permutation(np.repeat(np.arange(10), per_class))
        ink = means[y if part == "train" else rng.integers(0, 10, len(y))] * 255
        images = np.zeros((len(y), 28, 28, 3), dtype=np.uint8)
        images[:, 4:20, 12:16] = (ink + rng.integers(-9, 9, ink.shape))[:, None, None].clip(0, 255)
        stored |= {f"{part}_image": images, f"{part}_label": y}
    np.save(folder / f"mnist_10color_jitter_var_{variance}.npy", np.array(stored, dtype=object), allow_pickle=True)


def write_multicolor_mnist(folder: Path) -> None:
    """A published folder of Multi-Color MNIST in which all subsets occur."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 500), ("valid", 2000)):
        (folder / part).mkdir(parents=True)
        y = np.arange(count) % 10
        attributes = np.stack([y, *np.where(rng.random((2, count)) < 0.4, y, rng.integers(0, 10, (2, count)))], axis=1)
        np.save(folder / part / "images.npy", rng.integers(0, 256, (count, 28, 28, 3), dtype=np.uint8))
        np.save(folder / part / "attrs.npy", attributes)


def write_corrupted_cifar10(root: Path, shares: Sequence[str] = ("1pct",)) -> None:
    """Published files of Corrupted CIFAR-10: 50 aligned and 10 conflicting training images, 800 of the test."""
    rng = np.random.default_rng(0)

    def write(folder: str, number: int, label: int, bias: int) -> None:
        path = root / corrupted_cifar10.FOLDER / folder / str(label) / f"{number}_{label}_{bias}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)

    for share in shares:
        for n in range(50):
            write(f"{share}/align", n, n % 10, n % 10)
            write(f"{share}/valid", n, n % 10, n % 10)
        for n in range(10):
            write(f"{share}/conflict", 50 + n, n, (n + 1) % 10)
    for n in range(800):
        write("test", n, n % 10, n // 10 % 10)


def make_adult(root: Path, patch: pytest.MonkeyPatch, rows: tuple[int, int] = (400, 200)) -> None:
    """Both files, with the comment, the full stops and the question marks of the official ones."""
    folder = root / adult.FOLDER
    folder.mkdir()
    patch.setattr(adult, "ROWS", dict(zip(adult.ROWS, rows, strict=True)))
    rng = np.random.default_rng(6)
    for name, count in adult.ROWS.items():
        stop = "." if name == "adult.test" else ""
        lines = [", ".join(_adult_row(rng)) + stop for _ in range(count)]
        (folder / name).write_text("\n".join([*(["|1x3 Cross validator"] if stop else []), *lines, "", ""]))


def _adult_row(rng: np.random.Generator) -> list[str]:
    numbers = {"age": (17, 90), "fnlwgt": (10_000, 900_000), "education-num": (1, 16), "hours-per-week": (1, 99)}
    values = {
        "workclass": ("Private", "State-gov", "?"),
        "sex": ("Male", "Female"),
        "income": ("<=50K", ">50K"),
        "relationship": ("Husband", "Wife"),
    }
    row = []
    for column in adult.COLUMNS:
        if column in adult.NUMERIC:
            row.append(str(rng.integers(*numbers.get(column, (0, 2)))))
        else:
            row.append(str(rng.choice(values.get(column, ("A", "B")))))
    return row


def make_german(root: Path, patch: pytest.MonkeyPatch, rows: int = 400) -> None:
    """The coded file."""
    folder = root / german.FOLDER
    folder.mkdir()
    patch.setattr(german, "ROWS", {german.FILE: rows})
    rng = np.random.default_rng(7)
    lines = []
    for _ in range(rows):
        row = [str(rng.integers(1, 9)) if name in german.NUMERIC else f"A{rng.integers(11, 14)}" for name in german.COLUMNS]
        row[german.COLUMNS.index("age")] = str(rng.integers(19, 33))
        row[german.COLUMNS.index("risk")] = str(rng.integers(1, 3))
        lines.append(" ".join(row))
    (folder / german.FILE).write_text("\n".join(lines) + "\n")


def animals(number: int) -> pd.DataFrame:
    """Rows of a manifest: animals by day and by night, each cell a quarter."""
    numbers = np.arange(number)
    return pd.DataFrame(
        {
            "path": [f"images/{number}.png" for number in numbers],
            "target": np.where(numbers % 2, "dog", "cat"),
            "group": np.where(numbers // 2 % 2, "night", "day"),
        }
    )


def write_animals(root: Path, number: int = 200) -> None:
    """A manifest and its pictures, in different sizes, each of one gray: its number."""
    (root / "images").mkdir()
    for n in range(number):
        Image.new("RGB", (10 + n % 7, 20 - n % 5), (n,) * 3).save(root / "images" / f"{n}.png")
    animals(number).to_csv(root / "manifest.csv", index=False)


def names_in(pool: Pool) -> Sequence[str]:
    """Of the image files that a pool reads."""
    assert isinstance(pool.x, ImageFiles)
    return pool.x.names
