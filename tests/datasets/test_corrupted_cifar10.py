import shutil

import numpy as np
import pytest
from PIL import Image

from fairtune.datasets import _cifar10, check_test_part
from fairtune.datasets._corruptions import CORRUPTIONS
from fairtune.datasets._identity import identify
from fairtune.datasets.corrupted_cifar10 import CorruptedCIFAR10
from fairtune.errors import DataError

from .files import PER_CLASS, make_cifar10, write_corrupted_cifar10


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Pools of small files, corrupted."""
    root = tmp_path_factory.mktemp("cifar10")
    with pytest.MonkeyPatch.context() as patch:
        make_cifar10(root, patch)
        return root, CorruptedCIFAR10().decode(root)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder in the published form."""
    root = tmp_path_factory.mktemp("published")
    write_corrupted_cifar10(root)
    return root


def cells_of(dataset, pools, root):
    splits = dataset.training_splits(pools, dataset.describe(root)) | {
        "test": dataset.test_split(pools["test"], dataset.describe(root))
    }
    return {part: split.cells for part, split in splits.items()}, splits


def test_train_goes_with_the_class_and_the_rest_does_not(drawn):
    root, pools = drawn
    cells, _ = cells_of(CorruptedCIFAR10(conflicting=0.1), pools, root)
    train = cells["train"]
    np.testing.assert_array_equal(np.diag(train), (0.9 * train.sum(axis=0)).astype(int))
    assert (cells["validation"] > 0).all()
    assert (cells["test"] == PER_CLASS // 10).all()


def test_any_share_uses_the_same_decoded_images(tmp_path):
    keys = {identify(CorruptedCIFAR10(conflicting=share, seed=seed), tmp_path).key for share in (0.01, 0.2) for seed in (0, 1)}
    assert len(keys) == 1
    assert identify(CorruptedCIFAR10(severity=2), tmp_path).key not in keys


def test_two_versions_of_an_image_differ_in_their_corruption(drawn):
    _, pools = drawn
    pool = pools["train"]
    half = len(pool) // 2
    a = pool.columns["a"]
    np.testing.assert_array_equal(a[:half], pool.columns["y"][:half])
    assert (a[half:] != a[:half]).all()
    assert (pool.x[:half] != pool.x[half:]).any(axis=(1, 2, 3)).all()


def test_groups_are_the_corruptions_in_the_order_of_the_classes(tmp_path):
    info = CorruptedCIFAR10().describe(tmp_path)
    pairs = dict(zip(info.classes, info.groups, strict=True))
    assert info.groups == tuple(CORRUPTIONS)
    assert (pairs["airplane"], pairs["dog"], pairs["truck"]) == ("snow", "spatter", "saturate")


def test_published_files_are_taken_where_they_are_found(written):
    assert CorruptedCIFAR10.complete({}, written)["images"] == "published"
    assert CorruptedCIFAR10.complete({"conflicting": 0.05}, written)["images"] == "drawn"


@pytest.mark.parametrize(("protocol", "counts"), [("fixed", (200, 200, 400)), ("official", (480, 160, 160))])
def test_published_images(written, protocol, counts):
    dataset = CorruptedCIFAR10(images="published", protocol=protocol)
    pools = dataset.decode(written)
    cells, splits = cells_of(dataset, pools, written)
    assert np.diag(cells["train"]).tolist() == [5] * 10
    assert cells["train"].sum() == 60
    unbiased = cells_of(CorruptedCIFAR10(images="published", protocol=protocol, train="unbiased"), pools, written)[1]["train"]
    assert (len(unbiased), len(splits["validation"]), len(splits["test"])) == counts
    row = int(splits["test"].rows[0])
    y, a = splits["test"].y[0], splits["test"].a[0]
    number = int(splits["test"].source[0])
    with_labels = sorted((written / "cifar10c" / "test").glob("*/*.png"), key=str)[number]
    assert with_labels.stem.endswith(f"_{y}_{a}")
    np.testing.assert_array_equal(pools["test"].x[row : row + 1][0], np.asarray(Image.open(with_labels)))


def test_a_share_that_is_not_published_names_those_that_are(written):
    with pytest.raises(DataError, match=r"2pct/align is missing \(cifar10c holds 1pct\): unpack"):
        CorruptedCIFAR10(images="published", conflicting=0.02).check(written)


def test_a_half_unpacked_archive_names_the_classes_without_images(tmp_path):
    for folder in ("1pct/align/0", "1pct/conflict/0", "test/0"):
        (tmp_path / "cifar10c" / folder).mkdir(parents=True)
        Image.new("RGB", (32, 32)).save(tmp_path / "cifar10c" / folder / "0_0_0.png")
    with pytest.raises(DataError, match="holds no images of automobile, bird"):
        CorruptedCIFAR10(images="published").check(tmp_path)


def test_a_name_without_labels_is_told(tmp_path):
    for folder in ("1pct/align/0", "1pct/conflict/0", "test/0"):
        (tmp_path / "cifar10c" / folder).mkdir(parents=True)
        (tmp_path / "cifar10c" / folder / "cat.png").touch()
    with pytest.raises(DataError, match=r"2 images in .* are not named ID_LABEL_BIAS.png: .*cat.png"):
        CorruptedCIFAR10(images="published").check(tmp_path)


def test_a_test_split_without_a_corruption_of_a_class_is_refused(written, tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))
    shutil.copytree(written / "cifar10c", tmp_path / "cifar10c")
    for path in (tmp_path / "cifar10c" / "test" / "3").glob("*_3_5.png"):
        path.unlink()
    with pytest.raises(DataError, match=r"no test samples in 1 of 100 cells: class 3 \(cat\), group spatter;"):
        check_test_part(CorruptedCIFAR10(images="published"), tmp_path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(DataError, match="data_batch_1 is missing"):
        CorruptedCIFAR10().check(tmp_path)


@pytest.mark.slow
def test_published_counts(shared_data):
    pools = CorruptedCIFAR10().decode(shared_data)
    cells, _ = cells_of(CorruptedCIFAR10(conflicting=0.01), pools, shared_data)
    np.testing.assert_array_equal(np.diag(cells["train"]), (0.99 * cells["train"].sum(axis=0)).astype(int))
    assert cells["train"].sum(axis=0) == pytest.approx(4500, abs=5)
    assert (cells["test"] == 100).all()
    assert pools["test"].x.shape == (10_000, 32, 32, 3)
    assert len(_cifar10.CLASSES) == len(CORRUPTIONS)
