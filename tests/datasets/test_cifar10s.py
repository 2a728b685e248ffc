import hashlib
import pickle
import tarfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
from PIL import Image

from fairtune.datasets import open_splits, open_test_labels
from fairtune.datasets._cifar10 import FOLDER, download
from fairtune.datasets.cifar10s import CIFAR10S, gray
from fairtune.errors import DataError

from .files import PER_CLASS, make_cifar10


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Folder of small files in the real format."""
    make_cifar10(tmp_path, monkeypatch)
    return tmp_path


def test_published_split_has_four_thousand_and_one_thousand_per_cell(shared_data):
    train, validation = (split.cells for split in open_splits(CIFAR10S(), shared_data).values())
    gray_classes, colour_classes = [4000] * 5 + [1000] * 5, [1000] * 5 + [4000] * 5
    np.testing.assert_array_equal(train + validation, [gray_classes, colour_classes])
    np.testing.assert_array_equal(validation * 10, train + validation)


def test_published_test_split_has_one_thousand_per_cell(shared_data):
    assert (open_test_labels(CIFAR10S(), shared_data).cells == 1000).all()


def test_default_skew_is_the_one_published_for_the_protocol():
    assert CIFAR10S.complete({}) == {"seed": 0, "val_frac": 0.1, "skew": 0.8, "protocol": "mfd", "train": "skewed"}
    assert CIFAR10S.complete({"protocol": "wang"})["skew"] == 0.95
    assert CIFAR10S.complete({"protocol": "wang", "skew": 0.6})["skew"] == 0.6


def test_wang_skews_every_second_class_to_gray_whatever_the_seed(made):
    pool = CIFAR10S().decode(made)["train"]
    rows = [set(CIFAR10S(protocol="wang", skew=0.95, seed=seed).training_rows(pool)) for seed in (0, 1)]
    assert rows[0] == rows[1]
    y, a = pool.columns["y"], pool.columns["a"]
    gray_share = [np.mean(a[list(rows[0])][y[list(rows[0])] == label] == 0) for label in range(10)]
    assert gray_share == pytest.approx([0.95, 0.05] * 5, abs=1 / (5 * PER_CLASS))


def test_the_seed_decides_which_images_are_gray(made):
    pool = CIFAR10S().decode(made)["train"]
    first, again, other = (CIFAR10S(seed=seed).training_rows(pool) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.2


def test_composite_trains_on_both_versions_of_every_image(made):
    dataset = CIFAR10S(train="composite")
    pool = dataset.decode(made)["train"]
    splits = dataset.training_splits({"train": pool}, dataset.describe(made))
    assert sum(map(len, splits.values())) == 2 * 50 * PER_CLASS
    assert all((split.cells == split.cells[0, 0]).all() for split in splits.values())
    assert not set(splits["train"].source) & set(splits["validation"].source)


def test_every_image_is_stored_gray_and_in_colour(made):
    for pool in CIFAR10S().decode(made).values():
        half = len(pool) // 2
        np.testing.assert_array_equal(pool.x[:half], gray(pool.x[half:]))
        for column in (pool.columns["y"], pool.columns["source"]):
            np.testing.assert_array_equal(column[:half], column[half:])
        np.testing.assert_array_equal(pool.columns["a"], np.repeat([0, 1], half))


def test_pixels_and_labels_keep_the_order_of_the_files(made):
    pool = CIFAR10S().decode(made)["train"]
    batch = pickle.loads((made / FOLDER / "data_batch_2").read_bytes())
    start = len(pool) // 2 + 10 * PER_CLASS
    red_green_blue = batch["data"][7].reshape(3, 32, 32)
    np.testing.assert_array_equal(pool.x[start + 7], np.stack(list(red_green_blue), axis=-1))
    assert pool.columns["y"][start : start + 10 * PER_CLASS].tolist() == batch["labels"]


def test_gray_is_what_pillow_makes():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    corners = np.array(np.meshgrid([0, 1, 127, 128, 254, 255], [0, 1, 127, 128, 254, 255], [0, 128, 255]))
    images.reshape(-1, 3)[: corners[0].size] = corners.reshape(3, -1).T
    expected = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in images])
    np.testing.assert_array_equal(gray(images), np.repeat(expected[..., None], 3, axis=-1))


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch"])
def test_a_missing_file_is_named_with_the_way_to_get_it(made, name):
    (made / FOLDER / name).unlink()
    with pytest.raises(DataError, match=f"{name} is missing: unpack https://.*--data, or add --download"):
        CIFAR10S().check(made)


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch"])
def test_a_damaged_file_is_named_with_both_checksums(made, name):
    with (made / FOLDER / name).open("ab") as file:
        file.write(b"!")
    with pytest.raises(DataError, match=rf"{name} is damaged \(md5 [0-9a-f]{{32}}, expected [0-9a-f]{{32}}\): unpack"):
        CIFAR10S().decode(made)


@pytest.fixture
def archive(made, tmp_path, monkeypatch):
    """Address and checksum of a small archive on a web server of this machine."""
    path = tmp_path / "web" / "cifar-10-python.tar.gz"
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as tar:
        tar.add(made / FOLDER / "test_batch", arcname=f"{FOLDER}/test_batch")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=path.parent)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield (
            f"http://127.0.0.1:{server.server_port}/{path.name}",
            hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest(),
        )
        server.shutdown()
        thread.join()


def test_download_unpacks_the_archive_and_keeps_no_copy(archive, made, tmp_path):
    target = tmp_path / "fresh"
    download(target, *archive)
    assert [path.name for path in target.iterdir()] == [FOLDER]
    assert (target / FOLDER / "test_batch").read_bytes() == (made / FOLDER / "test_batch").read_bytes()


def test_a_damaged_download_says_how_to_do_it_by_hand(archive, tmp_path):
    url, _ = archive
    target = tmp_path / "fresh"
    with pytest.raises(DataError, match=f"cannot download {url}: .*unpack it into {target}"):
        download(target, url, "0" * 32)
    assert not (target / FOLDER).exists()


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/cifar.tar.gz", "file:///no/such/cifar.tar.gz"])
def test_an_address_that_cannot_be_reached_says_how_to_do_it_by_hand(address, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DataError, match="fetch it on another machine"):
        download(tmp_path / "fresh", address, "0" * 32)


def test_real_files_pass_the_check(shared_data):
    CIFAR10S().check(shared_data)


def test_files_elsewhere_are_missing(tmp_path):
    with pytest.raises(DataError, match=f"{tmp_path / FOLDER / 'data_batch_1'} is missing"):
        CIFAR10S().check(tmp_path)
