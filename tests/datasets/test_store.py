import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fairtune.batches.split import DeviceSplit
from fairtune.datasets import Content, ImageFiles, Pool, Progress, open_part, prepare, skipped
from fairtune.datasets import _identity as identity
from fairtune.datasets import _writing as writing
from fairtune.datasets.digits import Digits
from fairtune.errors import DataError, NoRoom
from fairtune.records import Purpose


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache of this test alone, filled from the session's."""
    folder = prepare(Digits(), tmp_path)
    shutil.copytree(folder, tmp_path / "cache" / "pools" / folder.name)
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pools" / folder.name


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pools"


def test_opening_the_training_part_does_not_open_the_test_part(own_cache, tmp_path):
    for path in own_cache.glob("test-*"):
        path.unlink()
    assert len(open_part(Digits(), tmp_path, "train")) > 0
    assert not list(own_cache.glob("test-*"))
    assert len(open_part(Digits(), tmp_path, "test", purpose=Purpose.FINAL)) > 0
    assert list(own_cache.glob("test-x.npy"))


class NeverDecoded(Digits):
    def decode(self, root):
        raise AssertionError("decoded although the cache has it")


def test_a_pool_cannot_be_written_to(own_cache, tmp_path):
    with pytest.raises(ValueError, match="read-only"):
        open_part(Digits(), tmp_path, "train").x[0] = 0


def test_a_cached_part_is_not_decoded_again(own_cache, tmp_path):
    np.testing.assert_array_equal(open_part(NeverDecoded(), tmp_path, "train").x, open_part(Digits(), tmp_path, "train").x)


def test_images_are_memory_mapped(own_cache, tmp_path):
    assert isinstance(open_part(Digits(), tmp_path, "train").x, np.memmap)


class Failing(Digits):
    cache_name = "failing"

    def decode(self, root):
        raise DataError("no files")


def test_a_failed_decoding_leaves_nothing_behind(empty_cache, tmp_path):
    with pytest.raises(DataError, match="no files"):
        open_part(Failing(), tmp_path, "train")
    assert [path.name for path in empty_cache.iterdir() if path.suffix != ".lock"] == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file, not a folder")
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataError, match=r"cannot write the data cache .*FAIRTUNE_CACHE"):
        open_part(Digits(), tmp_path, "train")


class Pictures(Digits):
    """Twenty pictures for training and five to test on, each of one gray: its number."""

    cache_name = "pictures"
    names = tuple(f"{number}.png" for number in range(25))

    def content(self, root):
        return Content(files=self.names)

    def decode(self, root):
        parts = {"train": self.names[:20], "test": self.names[20:]}
        return {
            part: Pool(ImageFiles(root, names, (4, 4)), {"source": np.array([int(name.partition(".")[0]) for name in names])})
            for part, names in parts.items()
        }


@pytest.fixture
def pictures(tmp_path, empty_cache, monkeypatch):
    """The pictures' folder; three of them are written to the cache at a time."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, name in enumerate(Pictures.names):
        Image.new("RGB", (6, 5), (number, number, number)).save(folder / name)
    monkeypatch.setattr(writing, "_SLICE_BYTES", 3 * 4 * 4 * 3)
    return folder


def grays(pool):
    return pool.x[:, 0, 0, 0].tolist()


def test_image_files_are_decoded_into_the_cache(pictures):
    train, test = (open_part(Pictures(), pictures, part, purpose=Purpose.FINAL) for part in ("train", "test"))
    assert (grays(train), grays(test)) == ([*range(20)], [*range(20, 25)])
    assert train.x.shape == (20, 4, 4, 3)
    assert isinstance(train.x, np.memmap)
    assert skipped(prepare(Pictures(), pictures)) == {}


def test_progress_is_reported_slice_by_slice(pictures):
    seen: list[Progress] = []
    prepare(Pictures(), pictures, report=seen.append)
    assert [step.done for step in seen if step.part == "train"] == [0, 3, 6, 9, 12, 15, 18, 20]
    assert seen[-1] == ("test", 5, 5)


def test_a_changed_picture_is_decoded_anew(pictures):
    open_part(Pictures(), pictures, "train")
    Image.new("RGB", (9, 9), (99, 99, 99)).save(pictures / "3.png")
    assert open_part(Pictures(), pictures, "train").x[3, 0, 0, 0] == 99


class KilledError(BaseException):
    pass


def kill_at(done):
    def report(progress):
        if progress == ("train", done, 20):
            raise KilledError

    return report


@pytest.mark.parametrize("done", [0, 3, 18, 20])
def test_decoding_goes_on_where_it_was_killed(pictures, empty_cache, monkeypatch, done):
    with pytest.raises(KilledError):
        prepare(Pictures(), pictures, report=kill_at(done))
    assert not [path for path in empty_cache.iterdir() if not path.name.startswith(".") and path.suffix != ".lock"]
    (unfinished,) = empty_cache.glob(".*.unfinished")
    with (unfinished / "train-x.npy").open("ab") as file:
        file.write(b"half a picture")
    read = []
    decode = ImageFiles.read

    def noted(self, rows):
        read.append(rows.start)
        return decode(self, rows)

    monkeypatch.setattr(ImageFiles, "read", noted)
    pool = open_part(Pictures(), pictures, "train")
    assert grays(pool) == [*range(20)]
    assert read == [*range(done, 20, 3), 0, 3]


def test_an_interruption_does_not_change_the_name(pictures, empty_cache, monkeypatch):
    whole = prepare(Pictures(), pictures).name
    monkeypatch.setenv("FAIRTUNE_CACHE", str(empty_cache / "other"))
    with pytest.raises(KilledError):
        prepare(Pictures(), pictures, report=kill_at(9))
    assert prepare(Pictures(), pictures).name == whole


def test_files_that_change_while_they_are_decoded_are_refused(pictures, empty_cache):
    def meddle(progress):
        if progress == ("train", 9, 20):
            (pictures / "0.png").write_bytes((pictures / "1.png").read_bytes())

    with pytest.raises(DataError, match=r"changed while they were decoded: try again"):
        prepare(Pictures(), pictures, report=meddle)
    assert [path.name for path in empty_cache.iterdir() if path.suffix != ".lock"] == []
    assert grays(open_part(Pictures(), pictures, "train"))[:2] == [1, 1]


def test_the_state_of_files_is_relied_on_once_they_have_settled(pictures, monkeypatch):
    read = []
    digest = identity.digest_of_content

    def noted(content):
        read.append(content)
        return digest(content)

    monkeypatch.setattr(identity, "digest_of_content", noted)
    prepare(Pictures(), pictures)
    for settled, files_read in ((10**18, 25), (10**18, 25), (0, 25), (0, 0)):
        monkeypatch.setattr(identity, "_SETTLED_NS", settled)
        read.clear()
        prepare(Pictures(), pictures)
        assert len(read) == files_read


KILLED = """
import os, signal, sys
from pathlib import Path
from fairtune.datasets import _writing, prepare
from tests.datasets.test_store import Pictures
_writing._SLICE_BYTES = 3 * 4 * 4 * 3
prepare(Pictures(), Path(sys.argv[1]), report=lambda step: step.done == 9 and os.kill(os.getpid(), signal.SIGKILL))
"""


def test_decoding_goes_on_after_a_real_kill(pictures):
    done = subprocess.run([sys.executable, "-c", KILLED, str(pictures)], check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == -signal.SIGKILL
    seen: list[Progress] = []
    prepare(Pictures(), pictures, report=seen.append)
    assert seen[0] == ("train", 9, 20)
    assert grays(open_part(Pictures(), pictures, "train")) == [*range(20)]


def test_who_comes_second_waits_for_the_first(pictures, monkeypatch):
    decoded = []
    decode = Pictures.decode

    def noted(self, root):
        decoded.append(root)
        return decode(self, root)

    monkeypatch.setattr(Pictures, "decode", noted)
    with ThreadPoolExecutor(4) as threads:
        pools = list(threads.map(lambda _: open_part(Pictures(), pictures, "train"), range(4)))
    assert len(decoded) == 1
    assert all(grays(pool) == [*range(20)] for pool in pools)


@pytest.fixture
def damaged(pictures):
    for number in (0, 7, 8, 23):
        (pictures / f"{number}.png").write_bytes(b"damaged")
    return pictures


def test_unreadable_images_are_named_and_nothing_is_left_that_looks_whole(damaged, empty_cache):
    with pytest.raises(DataError, match=r"unreadable images \(4\): 0\.png \(not an image\), .*23\.png .*--on-bad-image skip"):
        open_part(Pictures(), damaged, "train")
    assert [path.name for path in empty_cache.iterdir() if not path.name.startswith(".")] == [
        path.name for path in empty_cache.glob("*.lock")
    ]


def test_unreadable_images_are_left_out_if_so_wished(damaged):
    folder = prepare(Pictures(), damaged, on_bad_image="skip")
    train, test = (open_part(Pictures(), damaged, part, purpose=Purpose.FINAL) for part in ("train", "test"))
    left = [number for number in range(20) if number not in (0, 7, 8)]
    assert grays(train) == train.columns["source"].tolist() == left
    assert grays(test) == [20, 21, 22, 24]
    assert [*skipped(folder)] == ["0.png", "7.png", "8.png", "23.png"]


def test_leaving_them_out_after_an_error_reads_no_image_twice(damaged, monkeypatch):
    with pytest.raises(DataError):
        prepare(Pictures(), damaged)
    monkeypatch.setattr(ImageFiles, "read", None)
    prepare(Pictures(), damaged, on_bad_image="skip")
    assert len(open_part(Pictures(), damaged, "train")) == 17


def test_a_disk_without_room_is_found_before_decoding(pictures, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 100))
    monkeypatch.setattr(ImageFiles, "read", None)
    with pytest.raises(NoRoom, match=r"0 MiB are needed and 0 MiB are free; free some space or point FAIRTUNE_CACHE"):
        prepare(Pictures(), pictures)


def test_a_disk_that_fills_up_leaves_nothing_that_looks_whole(pictures, empty_cache):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, hard))
        with pytest.raises(DataError, match=r"cannot write the data cache .*File too large; free some space"):
            prepare(Pictures(), pictures)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not [path for path in empty_cache.iterdir() if not path.name.startswith(".") and path.suffix != ".lock"]
    assert grays(open_part(Pictures(), pictures, "train")) == [*range(20)]


def test_the_cached_files_are_plain_numpy_files(pictures):
    folder = prepare(Pictures(), pictures)
    assert np.load(folder / "train-x.npy", allow_pickle=False).shape == (20, 4, 4, 3)
    assert json.loads((folder / "skipped.json").read_text()) == {}
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(("state-", "."))) == [
        "duplicates.json",
        "files.json",
        "skipped.json",
        "test-columns.npz",
        "test-x.npy",
        "train-columns.npz",
        "train-x.npy",
    ]


class Huge(Digits):
    """A pool twice as large as the memory of the machine, of which nothing is written."""

    cache_name = "huge"
    side = 1024
    samples = 2 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (3 * 1024 * 1024)


def test_a_pool_larger_than_the_memory_is_mapped_and_read(empty_cache, tmp_path):
    folder = empty_cache / Huge.cache_name
    folder.mkdir(parents=True)
    shape = (Huge.samples, Huge.side, Huge.side, 3)
    with (folder / "train-x.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        file.truncate(file.tell() + int(np.prod(shape)))
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    zeros = np.zeros(Huge.samples, dtype=np.int64)
    np.savez(folder / "train-columns.npz", y=zeros, a=zeros, source=np.arange(Huge.samples))
    pool = open_part(Huge(), tmp_path, "train")
    split = DeviceSplit(Huge().split(pool, np.arange(Huge.samples), Huge().describe(tmp_path)), torch.device("cpu"), torch.float32)
    x = split.batch(torch.tensor([0, Huge.samples - 1])).x
    assert x.sum(dim=(1, 2, 3)).tolist() == [0, 1]
