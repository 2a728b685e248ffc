"""Decoded data that are damaged in the cache are decoded again."""

import os

import numpy as np
import pytest

from fairtune.datasets import _store, open_part, open_splits, open_test_labels
from fairtune.datasets._store import cache_folder
from fairtune.datasets.digits import Digits
from fairtune.records import Purpose
from tests.torn import DAMAGES, SHORTENED


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))
    _store._open.cache_clear()


def read(tmp_path):
    """All that a search reads of the digits."""
    _store._open.cache_clear()
    splits = open_splits(Digits(), tmp_path)
    test = open_part(Digits(), tmp_path, "test", purpose=Purpose.FINAL)
    labels = open_test_labels(Digits(), tmp_path)
    train = splits["train"]
    return [train.pool[train.rows].copy(), train.y, splits["validation"].a, np.array(test.x), test.columns["y"], labels.y]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["train-x.npy", "train-columns.npz", "test-x.npy", "test-columns.npz"])
def test_torn_pools_are_decoded_again(tmp_path, name, damage, caplog):
    before = read(tmp_path)
    (file,) = cache_folder().rglob(name)
    damage(file)
    assert all(map(np.array_equal, read(tmp_path), before))
    assert "are torn and are decoded again" in caplog.text
    assert [path.name for path in (cache_folder() / "pools").iterdir() if path.is_dir()] == [file.parent.name]


@pytest.mark.parametrize("damage", SHORTENED)
@pytest.mark.parametrize("name", ["train-x.npy", "test-columns.npz"])
def test_torn_pools_of_an_earlier_version_are_known_too(tmp_path, name, damage):
    before = read(tmp_path)
    (file,) = cache_folder().rglob(name)
    file.with_name(f".{name}.seal").unlink()
    damage(file)
    assert all(map(np.array_equal, read(tmp_path), before))


def test_whole_pools_stay(tmp_path):
    read(tmp_path)
    (file,) = cache_folder().rglob("train-x.npy")
    written = file.stat().st_ino
    os.utime(file)
    read(tmp_path)
    assert file.stat().st_ino == written
