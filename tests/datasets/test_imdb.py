import numpy as np
import pytest

from fairtune.datasets import imdb
from fairtune.datasets.imdb import IMDB, one_hot_age
from fairtune.errors import DataError, InvalidInput

from .files import make_imdb


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Folder of small files, with the lists in it."""
    lists = make_imdb(tmp_path, monkeypatch)
    return tmp_path, lists


def names(pool):
    return [name.removeprefix("imdb_crop/") for name in pool.x.names]


def people(pool):
    return {name.partition("/")[2].partition("_")[0] for name in names(pool)}


@pytest.mark.parametrize(("train", "cells"), [("eb1", [[True, False], [False, True]]), ("eb2", [[False, True], [True, False]])])
def test_a_biased_list_has_one_age_of_each_gender(made, train, cells):
    root, _ = made
    dataset = IMDB(train=train)
    pools = dataset.decode(root)
    info = dataset.describe(root)
    splits = dataset.training_splits(pools, info)
    np.testing.assert_array_equal(splits["train"].cells > 0, cells)
    assert (splits["validation"].cells > 0).all()
    assert (dataset.test_split(pools["test"], info).cells > 0).all()


@pytest.mark.parametrize("test", ["test", "eb2"])
def test_no_person_is_in_two_splits(made, test):
    root, lists = made
    pools = IMDB(test=test).decode(root)
    found = [people(pool) for pool in pools.values()]
    assert sum(map(len, found)) == len(set.union(*found))
    if test == "test":
        assert len(pools["train"]) == len(lists["eb1"]) - 1
        assert lists["eb1"][-1] not in names(pools["train"])


def test_official_takes_the_lists_image_by_image(made):
    root, lists = made
    pools = IMDB(protocol="official").decode(root)
    assert names(pools["train"]) == [name for name in lists["eb1"] if name not in lists["test_list"]]
    assert sorted(names(pools["test"]) + names(pools["validation"])) == sorted(lists["test_list"])
    assert len(pools["validation"]) == pytest.approx(len(lists["test_list"]) / 4, abs=3)
    assert names(IMDB(protocol="official", test="eb2").decode(root)["test"]) == lists["eb2"]


def test_the_attribute_vector_is_the_age_in_bins(made):
    root, _ = made
    pool = IMDB().decode(root)["validation"]
    vectors = IMDB().attribute_vectors(pool)
    np.testing.assert_array_equal(vectors, one_hot_age(pool.columns["age"]))
    assert one_hot_age(np.array([0, 19, 20, 69, 70, 120])).argmax(axis=1).tolist() == [0, 0, 1, 10, 11, 11]


@pytest.mark.parametrize("folder", ["auxiliary", "imdb_crop", "imdb_crop/auxiliary"])
def test_lists_in_another_folder_are_found(made, folder):
    root, _ = made
    (root / folder).mkdir(exist_ok=True)
    for path in root.glob("*.npy"):
        path.rename(root / folder / path.name)
    IMDB().check(root)


def test_training_and_test_must_differ(made):
    with pytest.raises(InvalidInput, match="training and test are both eb1: test on test or eb2"):
        IMDB(test="eb1").describe(made[0])


def test_a_half_unpacked_archive_names_what_is_missing(made):
    root, lists = made
    (root / "imdb_crop" / lists["eb1"][0]).unlink()
    with pytest.raises(DataError, match=r"1 of \d+ files are missing in .*imdb_crop/.*; unpack imdb_crop.tar"):
        IMDB().check(root)


@pytest.mark.parametrize("name", [imdb.LABELS, imdb.SPLIT, imdb.BIASED["eb1"]])
def test_a_missing_list_says_how_to_get_it(made, name):
    root, _ = made
    (root / name).unlink()
    with pytest.raises(DataError, match=f"{name} is missing: unpack imdb_crop.tar"):
        IMDB().check(root)


def test_an_image_without_age_is_named(made):
    root, lists = made
    labels = {lists["eb1"][0].encode(): {"age": 20, "gender": 0}}
    np.save(root / imdb.LABELS, np.array(labels, dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"imdb_age_gender.npy has no age and gender of \d+ listed images: "):
        IMDB().check(root)


@pytest.mark.parametrize(
    ("name", "message"), [(imdb.LABELS, "is not a dict of name to age and gender"), (imdb.SPLIT, "is not a dict with test_list")]
)
def test_another_object_is_refused(made, name, message):
    root, _ = made
    np.save(root / name, np.array([1, 2]))
    with pytest.raises(DataError, match=message):
        IMDB().check(root)
