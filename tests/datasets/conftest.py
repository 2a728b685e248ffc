from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fairtune.datasets import Dataset, Info, Part, Pool, _mnist
from fairtune.plugins import names
from fairtune.testing import DatasetContract
from fairtune.testing.datasets import Opened
from tests.conftest import SHARED
from tests.suites import own_suite

from . import files

Root = Callable[[pytest.MonkeyPatch, Path], Path]
"""Where a dataset's files are, made in a folder where they must be."""


def _digits(patch: pytest.MonkeyPatch, folder: Path) -> Path:
    return folder


def _cifar10s(patch: pytest.MonkeyPatch, folder: Path) -> Path:
    if (SHARED / "data" / "cifar-10-batches-py").is_dir():
        return SHARED / "data"
    return _small(files.make_cifar10)(patch, folder)


def _small(make: Callable[[Path, pytest.MonkeyPatch], object]) -> Root:
    """Small files, accepted in place of the official ones."""

    def made(patch: pytest.MonkeyPatch, folder: Path) -> Path:
        make(folder, patch)
        return folder

    return made


ROOTS: dict[str, Root] = {
    "digits": _digits,
    "synthetic": _digits,
    "manifest": _small(lambda folder, patch: files.write_animals(folder)),
    "cifar10s": _cifar10s,
    "adult": _small(files.make_adult),
    "biased_mnist": _small(files.make_mnist),
    "celeba": _small(files.make_celeba),
    "cmnist": _small(files.make_mnist),
    "corrupted_cifar10": _small(files.make_cifar10),
    "german": _small(files.make_german),
    "imdb": _small(files.make_imdb),
    "isic": _small(files.make_isic),
    "multicolor_mnist": _small(files.make_mnist),
    "utkface": _small(files.make_utkface),
}


def _as_its_test_says(name: str) -> Root:
    """Small files as the dataset's own suite makes them."""

    def made(patch: pytest.MonkeyPatch, folder: Path) -> Path:
        suite = own_suite("datasets", name, DatasetContract)
        if suite is None:
            pytest.fail(
                f"the dataset {name} is new: derive from DatasetContract in tests/datasets/test_{name}.py, and in make_files write "
                "small files in its format, if it has any"
            )
        suite().make_files(folder)
        return folder

    return made


ROOTS |= {name: _as_its_test_says(name) for name in names("dataset") if name not in ROOTS}


class Pools:
    """Datasets by name, each opened when it is asked for first."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._opened: dict[str, Opened] = {}

    def __call__(self, name: str) -> Mapping[Part, Pool]:
        return self._open(name).pools

    def info(self, name: str) -> Info:
        return self._open(name).info

    def _open(self, name: str) -> Opened:
        if name not in self._opened:
            with pytest.MonkeyPatch.context() as patch:
                self._opened[name] = Opened.of(Dataset.load(name), ROOTS[name](patch, self._folders.mktemp(name)))
        return self._opened[name]


@pytest.fixture(scope="session")
def pools(tmp_path_factory: pytest.TempPathFactory) -> Pools:
    """Every part of a dataset, decoded once from real files or, where there are none or too many, from made ones.

    ``pools(name)`` are the pools by part, ``pools.info(name)`` describes them.
    """
    return Pools(tmp_path_factory)


@pytest.fixture(scope="session")
def _mnist_written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    root = tmp_path_factory.mktemp("small-mnist")
    with pytest.MonkeyPatch.context() as patch:
        files.make_mnist(root, patch)
        return root, {name: getattr(_mnist, name) for name in ("TRAIN_MD5", "TEST_MD5")}


@pytest.fixture
def small_mnist(_mnist_written: tuple[Path, dict[str, object]], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of a small MNIST, accepted in place of the real one."""
    root, checksums = _mnist_written
    for name, written in checksums.items():
        monkeypatch.setattr(_mnist, name, written)
    return root
