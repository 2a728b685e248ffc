import pytest

from fairtune.datasets import open_part
from fairtune.plugins import load
from tests.conftest import SHARED

from .files import use_checksums, write_animals, write_cifar10


def _digits(patch, folder):
    return folder


def _cifar10s(patch, folder):
    if (SHARED / "data" / "cifar-10-batches-py").is_dir():
        return SHARED / "data"
    use_checksums(patch, write_cifar10(folder))
    return folder


def _manifest(patch, folder):
    write_animals(folder)
    return folder


ROOTS = {"digits": _digits, "synthetic": _digits, "cifar10s": _cifar10s, "manifest": _manifest}


@pytest.fixture(scope="session")
def pools(tmp_path_factory):
    """Every part of a dataset, decoded once from real files or, where there are none, from made ones.

    ``pools(name)`` are the pools by part, ``pools.root(name)`` is the folder of the files.
    """
    opened, roots = {}, {}

    def pools_of(name):
        if name not in opened:
            if name not in ROOTS:
                pytest.fail(f"the dataset {name} is new: say in {__file__} where its files are, or make small ones")
            with pytest.MonkeyPatch.context() as patch:
                root = roots[name] = ROOTS[name](patch, tmp_path_factory.mktemp(name))
                dataset = load("dataset", name)()
                parts = {*dataset.training_parts(), "test"}
                opened[name] = {part: open_part(dataset, root, part) for part in parts}
        return opened[name]

    def root_of(name):
        pools_of(name)
        return roots[name]

    pools_of.root = root_of
    return pools_of
