"""Images in folders: what stands in their paths is what a table would say."""

import re

import numpy as np
import pytest
from PIL import Image

from fairtune.datasets import open_part
from fairtune.datasets.folder import Folder
from fairtune.errors import DataError, InvalidInput
from fairtune.records import Purpose
from fairtune.testing import DatasetContract

N = 48


def write(root, name):
    """Images, each of one gray, at paths that a function makes of their number, class and group."""
    for n in range(N):
        path = root / name(n, ("cat", "dog")[n % 2], ("day", "night")[n // 2 % 2])
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (10, 12), (n,) * 3).save(path)
    return root


class TestFolder(DatasetContract):
    plug_in = Folder

    def make_files(self, folder):
        write(folder, lambda n, y, a: f"{y}/{a}/{n}.png")


def labels_are_those_of_the_images(dataset, root):
    for part in ("train", "test"):
        pool = open_part(dataset, root, part, purpose=Purpose.FINAL)
        number = pool.x[:, 0, 0, 0].astype(int)
        np.testing.assert_array_equal(pool.columns["y"], number % 2)
        np.testing.assert_array_equal(pool.columns["a"], number // 2 % 2)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        (lambda n, y, a: f"{y}/{a}/{n}.png", "{target}/{group}/*"),
        (lambda n, y, a: f"{y}/{a}_{n}.PNG", "{target}/{group}_*"),
        (lambda n, y, a: f"a/b/{y}/{n}-{a}.png", "**/{target}/*-{group}.png"),
        (lambda n, y, a: f"{y} / {a}/{n}.png", "{target}/{group}/*"),
    ],
)
def test_the_pattern_says_class_and_group(tmp_path, name, pattern):
    dataset = Folder(size=8, pattern=pattern)
    root = write(tmp_path, name)
    info = dataset.describe(root)
    assert (info.classes, info.groups) == (("cat", "dog"), ("day", "night"))
    labels_are_those_of_the_images(dataset, root)


def test_the_pattern_may_say_the_split_and_the_source(tmp_path):
    root = write(tmp_path / "all", lambda n, y, a: f"{'test' if n < 16 else 'train'}/{y}/p{n // 4}_{a}_{n % 4}.png").parent
    dataset = Folder(size=8, folder="all", pattern="{split}/{target}/{patient}_{group}_*", source="patient", val_frac=0.25)
    labels_are_those_of_the_images(dataset, root)
    train = open_part(dataset, root, "train")
    assert set(train.x[:, 0, 0, 0]) == set(range(16, N))
    assert len(set(train.columns["source"])) == 8
    dataset.check(root)


def test_images_whose_paths_say_nothing_are_counted(tmp_path):
    root = write(tmp_path, lambda n, y, a: f"{y}/{a}/{n}.png" if n != 7 else "lost.png")
    (told,) = Folder().remarks(root)
    assert told == "images whose paths are not like {target}/{group}/* are left out (1): lost.png"


@pytest.mark.parametrize(
    ("pattern", "kind", "message"),
    [
        (
            "{target}/{group}/{split}/*",
            DataError,
            "none of 48 images has a path like {target}/{group}/{split}/*, for instance cat/day/0",
        ),
        ("{target}/**/*", DataError, "unknown column 'group'"),
        ("{target}/{target}/*", InvalidInput, "{target} stands in it twice"),
        ("{target}/{1}/*", InvalidInput, "{1} must begin with a letter"),
    ],
)
def test_a_pattern_that_says_too_little_is_named(tmp_path, pattern, kind, message):
    root = write(tmp_path, lambda n, y, a: f"{y}/{a}/{n}.png")
    with pytest.raises(kind, match=re.escape(message)):
        Folder(pattern=pattern).check(root)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match=r"there is no folder .*faces: put images into folders"):
        Folder(folder="faces").check(tmp_path)
