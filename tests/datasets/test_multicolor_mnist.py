import numpy as np
import pytest

from fairtune.datasets.multicolor_mnist import MultiColourMNIST, on_two_grounds
from fairtune.errors import DataError

from .files import write_multicolor_mnist

FOLDER = "multi_color_mnist/ColoredMNIST-SkewedA0.01-SkewedB0.05-Severity4"


@pytest.fixture
def published(tmp_path):
    """Published files in which all subsets occur."""
    write_multicolor_mnist(tmp_path / FOLDER)
    return tmp_path


def parts_of(dataset, root):
    pools = dataset.decode(root)
    return dataset.training_splits(pools, dataset.describe(root)) | {
        "test": dataset.test_split(pools["test"], dataset.describe(root))
    }


def test_the_ground_has_one_colour_on_either_side_and_the_digit_is_added():
    digit = np.zeros((1, 4, 4), dtype=np.uint8)
    digit[0, 1, 1], digit[0, 2, 2] = 255, 100
    image = on_two_grounds(digit, np.array([[1.0, 0, 0]]), np.array([[0, 0.5, 0]]))[0]
    assert image[0].tolist() == [[255, 0, 0], [255, 0, 0], [0, 128, 0], [0, 128, 0]]
    assert image[1, 1].tolist() == [255, 255, 255]
    assert image[2, 2].tolist() == [100, 228, 100]


def test_images_show_the_colours_of_their_columns(small_mnist):
    pool = MultiColourMNIST().decode(small_mnist)["train"]
    for side, column in (("left", 0), ("right", -1)):
        corner = pool.x[:3000][:, 0, column].astype(int)
        value = pool.columns[side][:3000]
        for colour in range(10):
            assert np.ptp(corner[value == colour], axis=0).max() < 20


def test_the_two_shares_of_conflicting_digits_are_kept(small_mnist):
    dataset = MultiColourMNIST(left_conflicting=0.1, right_conflicting=0.25)
    pools = dataset.decode(small_mnist)
    train = dataset.training_splits(pools, dataset.describe(small_mnist))["train"]
    subsets = train.cells.sum(axis=1) / len(train)
    assert subsets == pytest.approx([0.9 * 0.75, 0.1 * 0.75, 0.9 * 0.25, 0.1 * 0.25], abs=0.01)


def test_the_four_subsets_are_the_groups(small_mnist):
    pool = MultiColourMNIST().decode(small_mnist)["train"]
    y, a = MultiColourMNIST().labels(pool)
    np.testing.assert_array_equal(a % 2, pool.columns["left"] != y)
    np.testing.assert_array_equal(a // 2, pool.columns["right"] != y)


@pytest.mark.parametrize("side", ["left", "right"])
def test_one_colour_can_be_the_group(small_mnist, side):
    dataset = MultiColourMNIST(attribute=side)
    splits = parts_of(dataset, small_mnist)
    assert len(dataset.describe(small_mnist).groups) == 10
    assert np.ptp(splits["test"].cells, axis=0).max() <= 2


def test_the_test_split_has_all_pairs_of_colours(small_mnist):
    pool = MultiColourMNIST().decode(small_mnist)["test"]
    pairs = np.bincount(pool.columns["left"] * 10 + pool.columns["right"], minlength=100)
    assert pairs.min() >= 0.5 * len(pool) / 100


def test_the_attribute_vector_holds_both_colours(small_mnist):
    dataset = MultiColourMNIST()
    pool = dataset.decode(small_mnist)["test"]
    vectors = dataset.attribute_vectors(pool)
    np.testing.assert_array_equal(vectors[:, :10].argmax(axis=1), pool.columns["left"])
    np.testing.assert_array_equal(vectors[:, 10:].argmax(axis=1), pool.columns["right"])


@pytest.mark.parametrize(("protocol", "counts"), [("fixed", (500, 500, 1000)), ("official", (1200, 400, 400))])
def test_published_valid_images_are_shared_out(published, protocol, counts):
    options = MultiColourMNIST.complete({"protocol": protocol}, published)
    assert options["images"] == "published"
    splits = parts_of(MultiColourMNIST.build(**options), published)
    unbiased = parts_of(MultiColourMNIST.build(**options | {"train": "unbiased"}), published)["train"]
    assert len(splits["train"]) == 500
    assert (len(unbiased), len(splits["validation"]), len(splits["test"])) == counts
    assert len({*unbiased.source, *splits["validation"].source, *splits["test"].source}) == 2000


def test_a_half_unpacked_archive_is_named(published):
    (published / FOLDER / "valid" / "attrs.npy").unlink()
    with pytest.raises(DataError, match=r"valid/attrs.npy missing in .*unpack multi_color_mnist.tar.gz"):
        MultiColourMNIST(images="published").check(published)


def test_arrays_of_another_shape_are_refused(published):
    np.save(published / FOLDER / "train" / "attrs.npy", np.zeros((500, 2)))
    with pytest.raises(DataError, match=r"arrays of shape \(500, 28, 28, 3\) and \(500, 2\)"):
        MultiColourMNIST(images="published").decode(published)
