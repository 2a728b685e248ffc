import pickle

import numpy as np
import pytest

from fairtune.datasets._identity import identify
from fairtune.datasets.cmnist import INKS, VARIANCES, ColouredMNIST, one_hot_colour
from fairtune.errors import DataError, InvalidInput

from .files import CMNIST_PER_CLASS, write_cmnist

MEANS = np.array(list(INKS.values()))
PER_CLASS = CMNIST_PER_CLASS


@pytest.fixture(params=[".", "colored_mnist"])
def published(tmp_path, request):
    """A folder with a published file: inks near one colour per class in training, of any class in the test."""
    write_cmnist(tmp_path / request.param)
    return tmp_path


def parts_of(dataset, root):
    pools = dataset.decode(root)
    return dataset.training_splits(pools, dataset.describe(root)) | {
        "test": dataset.test_split(pools["test"], dataset.describe(root))
    }


def test_training_inks_vary_around_the_mean_of_their_class(small_mnist):
    pool = ColouredMNIST(variance=0.02).decode(small_mnist)["train"]
    originals = len(pool) // 2
    aligned = pool.columns["a"][:originals]
    np.testing.assert_array_equal(aligned, pool.columns["y"][:originals])
    colours = pool.x[:originals].max(axis=(1, 2)) / 255
    gray = aligned == list(INKS).index("gray")
    assert colours[gray].std() > 0.05
    by_class = np.array([colours[aligned == label].mean(axis=0) for label in range(10)])
    nearest = np.linalg.norm(by_class[:, None] - 0.7 * MEANS, axis=-1).argmin(axis=1)
    assert (nearest == np.arange(10)).mean() >= 0.8


def test_a_higher_variance_spreads_the_inks(small_mnist):
    spread = [ColouredMNIST(variance=v)._inks(np.full(2000, 9), 12).std() for v in VARIANCES]
    assert spread == sorted(spread)
    assert spread[0] == pytest.approx(np.sqrt(0.02), rel=0.1)


def test_the_attribute_vector_is_that_of_the_brightest_pixels(small_mnist):
    dataset = ColouredMNIST()
    pool = dataset.decode(small_mnist)["test"]
    np.testing.assert_array_equal(dataset.attribute_vectors(pool)[:40], one_hot_colour(pool.x[:40].max(axis=(1, 2))))


def test_colours_fall_into_bins_of_thirty_two():
    vector = one_hot_colour(np.array([[0, 31, 255], [32, 224, 223]]))
    assert vector.argmax(axis=1)[0] == 0
    assert [list(np.flatnonzero(row)) for row in vector] == [[0, 8, 23], [1, 15, 22]]


def test_drawn_validation_and_test_inks_have_nothing_to_do_with_the_digit(small_mnist):
    splits = parts_of(ColouredMNIST(), small_mnist)
    assert (splits["train"].a == splits["train"].y).all()
    assert np.ptp(splits["validation"].cells, axis=0).max() <= 3
    assert np.ptp(splits["test"].cells, axis=0).max() <= 1


def test_published_images_are_taken_where_they_are_found(published, small_mnist):
    assert ColouredMNIST.complete({}, published)["images"] == "published"
    assert ColouredMNIST.complete({"variance": 0.05}, published)["images"] == "drawn"
    assert ColouredMNIST.complete({"images": "drawn"}, published)["images"] == "drawn"
    assert ColouredMNIST.complete({}, small_mnist)["images"] == "drawn"


def test_published_test_images_are_shared_out(published):
    splits = parts_of(ColouredMNIST(images="published"), published)
    assert (splits["train"].a == splits["train"].y).all()
    assert len(splits["train"]) == 10 * PER_CLASS["train"]
    assert [len(splits[part]) for part in ("validation", "test")] == [600, 1200]
    unbiased = parts_of(ColouredMNIST(images="published", train="unbiased"), published)
    sources = [set(splits[part].source) for part in ("train", "validation", "test")] + [set(unbiased["train"].source)]
    assert len(set.union(*sources)) == sum(map(len, sources)) == 10 * sum(PER_CLASS.values())


def test_official_validates_on_a_quarter_of_the_published_test_images_and_tests_on_the_others(published):
    splits = parts_of(ColouredMNIST(images="published", protocol="official"), published)
    assert [len(splits[part]) for part in ("validation", "test")] == [600, 1800]
    assert not set(splits["validation"].source) & set(splits["test"].source)


def test_official_has_no_unbiased_training_set(published):
    with pytest.raises(InvalidInput, match=r"authors of coloured MNIST have no unbiased training set, .* use protocol: fixed"):
        ColouredMNIST(images="published", protocol="official", train="unbiased").describe(published)


def test_a_published_file_that_is_changed_is_read_anew(published):
    dataset = ColouredMNIST(images="published")
    before = identify(dataset, published).key
    with dataset.published_files(published).open("ab") as file:
        file.write(b"!")
    assert identify(dataset, published).key != before != identify(ColouredMNIST(), published).key


def test_a_missing_published_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"mnist_10color_jitter_var_0.030.npy is missing: .*learning-not-to-learn"):
        ColouredMNIST(images="published").check(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"no such format"])
def test_a_damaged_published_file_is_named(published, content):
    path = ColouredMNIST(images="published").published_files(published)
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{path.name} cannot be read"):
        ColouredMNIST(images="published").decode(published)


def test_a_published_file_without_labels_is_refused(published):
    path = ColouredMNIST(images="published").published_files(published)
    np.save(path, np.array({"train_image": 1}, dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="does not hold a dict with train_image, train_label"):
        ColouredMNIST(images="published").decode(published)


class Harmful:
    def __reduce__(self):
        return (print, ("run",))


def test_a_published_file_runs_nothing(published, capsys):
    path = ColouredMNIST(images="published").published_files(published)
    header = path.read_bytes()[:128]
    path.write_bytes(header + pickle.dumps(Harmful()))
    with pytest.raises(DataError, match=r"it wants to run builtins.print"):
        ColouredMNIST(images="published").decode(published)
    assert capsys.readouterr().out == ""
