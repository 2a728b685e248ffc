import gzip

import numpy as np
import pytest

from fairtune.datasets import _mnist
from fairtune.datasets._mnist import FOLDER, check_mnist, read_mnist
from fairtune.errors import DataError

from .files import MNIST_PER_CLASS, make_mnist

ONE = "train-labels-idx1-ubyte"


@pytest.mark.parametrize("packed", [True, False])
def test_packed_and_unpacked_files_hold_the_same_digits(tmp_path, monkeypatch, packed):
    make_mnist(tmp_path, monkeypatch, packed=packed)
    images, labels = read_mnist(tmp_path)["train"]
    assert images.shape == (len(labels), 28, 28)
    assert (np.bincount(labels) == MNIST_PER_CLASS["TRAIN_MD5"]).all()
    np.testing.assert_array_equal((images[:, :, 12] > 0).sum(axis=1), 4 + 2 * labels)


def test_a_missing_file_is_named(tmp_path, monkeypatch):
    make_mnist(tmp_path, monkeypatch)
    (tmp_path / FOLDER / f"{ONE}.gz").unlink()
    with pytest.raises(DataError, match=rf"{ONE} \(or {ONE}.gz\) is missing: put MNIST's four idx files"):
        check_mnist(tmp_path)


def test_a_file_cut_short_is_named(tmp_path, monkeypatch):
    make_mnist(tmp_path, monkeypatch)
    path = tmp_path / FOLDER / f"{ONE}.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=f"{ONE}.gz cannot be unpacked"):
        check_mnist(tmp_path)


def test_another_file_is_refused_by_its_checksum(tmp_path, monkeypatch):
    make_mnist(tmp_path, monkeypatch)
    (tmp_path / FOLDER / f"{ONE}.gz").write_bytes(gzip.compress(b"something else"))
    with pytest.raises(DataError, match=rf"{ONE}.gz is damaged \(md5 [0-9a-f]{{32}}, expected {_mnist.TRAIN_MD5[ONE]}\)"):
        check_mnist(tmp_path)


def test_the_real_files_pass(shared_data):
    files = read_mnist(shared_data)
    assert [len(files[part][1]) for part in ("train", "test")] == [60_000, 10_000]
    assert files["train"][1][:5].tolist() == [5, 0, 4, 1, 9]
