import shutil

import numpy as np
import pytest

from fairtune.datasets import open_part
from fairtune.datasets._store import cache_folder
from fairtune.datasets.digits import Digits
from fairtune.errors import DataError


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache of this test alone, filled from the session's."""
    open_part(Digits(), tmp_path, "train")
    shutil.copytree(cache_folder() / "pools" / Digits.cache_name, tmp_path / "cache" / "pools" / Digits.cache_name)
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pools" / Digits.cache_name


def test_opening_the_training_part_does_not_open_the_test_part(own_cache, tmp_path):
    for path in own_cache.glob("test-*"):
        path.unlink()
    assert len(open_part(Digits(), tmp_path, "train")) > 0
    with pytest.raises(FileNotFoundError, match="test-"):
        open_part(Digits(), tmp_path, "test")


class NeverDecoded(Digits):
    def decode(self, root):
        raise AssertionError("decoded although the cache has it")


def test_a_cached_part_is_not_decoded_again(own_cache, tmp_path):
    np.testing.assert_array_equal(open_part(NeverDecoded(), tmp_path, "train").x, open_part(Digits(), tmp_path, "train").x)


def test_images_are_memory_mapped(own_cache, tmp_path):
    assert isinstance(open_part(Digits(), tmp_path, "train").x, np.memmap)


class Failing(Digits):
    cache_name = "failing"

    def decode(self, root):
        raise DataError("no files")


def test_a_failed_decoding_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataError, match="no files"):
        open_part(Failing(), tmp_path, "train")
    assert [path.name for path in (tmp_path / "cache" / "pools").iterdir() if path.suffix != ".lock"] == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file, not a folder")
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataError, match=r"cannot write the data cache .*FAIRTUNE_CACHE"):
        open_part(Digits(), tmp_path, "train")
