"""No two different contents of a dataset's files are ever taken for one another, whatever the dataset."""

import os
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from fairtune.datasets import Dataset, ImageFiles, _identity, check_test_part, digest_of, open_part, prepare, skipped
from fairtune.datasets._identity import digest_of_content
from fairtune.errors import DataError
from fairtune.plugins import names
from fairtune.records import Purpose

from . import files
from .conftest import ROOTS

MULTICOLOUR = "multi_color_mnist/ColoredMNIST-SkewedA0.01-SkewedB0.05-Severity4"
SMALL = {
    "cifar10s": files.make_cifar10,
    "celeba:csv": lambda root, patch: files.make_celeba(root, patch, form="csv"),
    "cmnist:published": lambda root, patch: files.write_cmnist(root / "colored_mnist"),
    "multicolor_mnist:published": lambda root, patch: files.write_multicolor_mnist(root / MULTICOLOUR),
    "corrupted_cifar10:published": lambda root, patch: files.write_corrupted_cifar10(root),
}
"""Datasets in small or in other forms than in the other tests."""
FORMS = sorted({*names("dataset"), *SMALL})
every_form = pytest.mark.parametrize("form", FORMS)
IMAGES = (".jpg", ".png")
CHECKSUMS = ("cifar10s", "biased_mnist", "cmnist", "corrupted_cifar10", "multicolor_mnist")
WITHOUT_FILES = ("digits", "synthetic")


class Made:
    """A dataset in one of its forms, in a folder of its own."""

    def __init__(self, form, root, patch):
        self.root = root
        root.mkdir()
        if form in SMALL:
            SMALL[form](root, patch)
        else:
            ROOTS[form](patch, root)
        plugin = Dataset.load(form.partition(":")[0])
        self.dataset = plugin.build(**plugin.complete({}, root))

    def samples(self, root):
        """Everything that training, validation and test are given, or the fault."""
        try:
            self.dataset.check(root)
            parts = (*self.dataset.training_parts(), "test")
            return [_content_of(open_part(self.dataset, root, part, purpose=Purpose.FINAL)) for part in dict.fromkeys(parts)]
        except DataError as error:
            return str(error)


def _content_of(pool):
    return (pool.x[:].tobytes(), *((name, column.tobytes()) for name, column in sorted(pool.columns.items())))


@pytest.fixture
def caches(tmp_path, monkeypatch):
    """Cheap switches between caches; states count as settled at once, so that they are what is relied on."""
    monkeypatch.setattr(_identity, "_SETTLED_NS", 0)

    def use(name):
        monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / name))

    use("cache")
    return use


def read_by(made):
    """One image of each folder of folders, and every other file that the dataset reads."""
    paths = [made.root / name for name in made.dataset.content(made.root).files] or sorted(made.root.rglob("*"))
    paths += [path for path in made.root.glob("*.csv") if path not in paths]
    images = {path.parent.parent: path for path in paths if path.suffix in IMAGES}
    return [path for path in paths if path.is_file() and (path.suffix not in IMAGES or path in images.values())]


def change(path):
    """Write other content of the same size, and set the time back."""
    before, content = path.stat(), path.read_bytes()
    time.sleep(0.02)
    path.write_bytes(_changed(path, content))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert path.read_bytes() != content


def _changed(path, content):
    """Another image; a table in which a value that counts is another; anything else with another last byte."""
    if path.suffix in IMAGES:
        with Image.open(path) as image:
            size = image.size
        Image.new("RGB", size).save(path)
        return path.read_bytes().ljust(len(content), b"\0")
    for old, new in WORDS.get(path.name, ()):
        content = content.replace(old, new, 1)
    if path.name in WORDS:
        return content
    if path.suffix == ".npy" and path.parent.name != "colored_mnist":
        return _relisted(path)
    middle = len(content) * 3 // 4
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


WORDS = {
    "adult.data": [(b"Husband", b"Wife   ")],
    "adult.test": [(b"Husband", b"Wife   ")],
    "german.data": [(b"A11", b"A12")],
    "train.csv": [(b"unknown,benign,0", b"unknown,benign,1")],
    "manifest.csv": [(b"cat,day", b"dog,day")],
    "list_attr_celeba.csv": [(b",-1,1", b",1,-1")],
    "list_eval_partition.csv": [(b"000001.jpg,0", b"000001.jpg,1")],
}


def _relisted(path):
    """An array whose rows have moved by two; of IMDB's files, lists that have moved so and ages that are one year higher."""
    stored = np.load(path, allow_pickle=True)
    if stored.shape:
        stored = np.roll(stored, 2, axis=0)
    for key, value in stored.item().items() if not stored.shape else ():
        stored.item()[key] = value | {"age": value["age"] + 1} if isinstance(value, dict) else [*value[2:], *value[:2]]
    np.save(path, stored, allow_pickle=True)
    return path.read_bytes()


@every_form
def test_what_is_served_follows_the_content_of_every_file(form, tmp_path, caches, monkeypatch):
    made = Made(form, tmp_path / "data", monkeypatch)
    if form in WITHOUT_FILES:
        pytest.skip(f"{form} needs no files")
    whole = made.samples(made.root)
    assert not isinstance(whole, str), whole
    for path in read_by(made):
        original, times = path.read_bytes(), path.stat()
        change(path)
        served = made.samples(made.root)
        if form in CHECKSUMS:
            assert "damaged" in served or "cannot be unpacked" in served
        assert served != whole
        path.write_bytes(original)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert made.samples(made.root) == whole


@every_form
def test_folders_that_look_alike_do_not_collide(form, tmp_path, caches, monkeypatch):
    made = Made(form, tmp_path / "one", monkeypatch)
    if form in (*WITHOUT_FILES, *CHECKSUMS):
        pytest.skip(f"{form} has one content only")
    first = made.samples(made.root)
    shutil.copytree(made.root, tmp_path / "two")
    for path in read_by(made):
        change(tmp_path / "two" / path.relative_to(made.root))
    second = made.samples(tmp_path / "two")
    assert second != first
    assert made.samples(made.root) == first
    caches("fresh")
    assert made.samples(tmp_path / "two") == second


@every_form
def test_a_copy_or_a_touched_folder_is_recognised_without_decoding(form, tmp_path, caches, monkeypatch):
    made = Made(form, tmp_path / "one", monkeypatch)
    if form in (*WITHOUT_FILES, *CHECKSUMS):
        pytest.skip(f"{form} has one content only")
    pools = prepare(made.dataset, made.root)
    monkeypatch.setattr(type(made.dataset), "decode", None)
    shutil.copytree(made.root, tmp_path / "two", copy_function=shutil.copy)
    assert prepare(made.dataset, tmp_path / "two") == pools
    assert digest_of(made.dataset, tmp_path / "two") == pools.name
    made.root.rename(tmp_path / "three")
    monkeypatch.setattr(_identity, "digest_files", None)
    assert prepare(made.dataset, tmp_path / "three") == pools


@every_form
def test_an_image_that_cannot_be_read_is_named_or_left_out(form, tmp_path, caches, monkeypatch):
    made = Made(form, tmp_path / "data", monkeypatch)
    images = [path for path in read_by(made) if path.suffix in IMAGES]
    if not images:
        pytest.skip(f"{form} has no image files")
    sizes = [len(open_part(made.dataset, made.root, part, purpose=Purpose.FINAL)) for part in ("train", "test")]
    name = str(images[0].relative_to(made.root))
    images[0].write_bytes(b"damaged")
    with pytest.raises(DataError, match=rf"unreadable images \(1\): {name} \(not an image\); .*--on-bad-image skip"):
        prepare(made.dataset, made.root)
    assert [*skipped(prepare(made.dataset, made.root, on_bad_image="skip"))] == [name]
    left = [len(open_part(made.dataset, made.root, part, purpose=Purpose.FINAL)) for part in ("train", "test")]
    assert sum(sizes) - sum(left) <= 1
    assert all(isinstance(pool.x, ImageFiles) for pool in made.dataset.decode(made.root).values())


@every_form
def test_skipping_images_is_not_recommended_where_there_are_none(form, tmp_path, caches, monkeypatch):
    made = Made(form, tmp_path / "data", monkeypatch)
    paths = read_by(made)
    if form in WITHOUT_FILES or any(path.suffix in IMAGES for path in paths):
        pytest.skip(f"{form} has no files, or image files")
    for path in paths:
        original = path.read_bytes()
        path.write_bytes(b"damaged")
        fault = made.samples(made.root)
        assert isinstance(fault, str)
        assert "on-bad-image" not in fault
        path.write_bytes(original)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "imdb"])
def test_a_test_split_of_one_group_is_refused(form, tmp_path, caches, monkeypatch):
    made = Made(form, tmp_path / "data", monkeypatch)
    check_test_part(made.dataset, made.root)
    pool, info = open_part(made.dataset, made.root, "test", purpose=Purpose.FINAL), made.dataset.describe(made.root)
    rows = np.flatnonzero(made.dataset.labels(pool)[1] == 0)
    one_group = type(pool)(pool.x[:][rows], {name: column[rows] for name, column in pool.columns.items()})
    with pytest.raises(DataError, match=r"no test samples in \d+ of \d+ cells|fewer than two values in the test split"):
        made.dataset.check_test(one_group, info)


def test_files_are_known_by_the_first_half_of_their_sha_256():
    assert digest_of_content(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223"
