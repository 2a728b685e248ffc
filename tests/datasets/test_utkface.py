import random

import numpy as np
import pytest
import torch

from fairtune.datasets._identity import identify
from fairtune.datasets.utkface import UTKFace
from fairtune.errors import DataError
from tests.datasets.files import names_in

from .files import UTKFACE_MALFORMED, UTKFACE_WITHOUT_GENDER, make_utkface, write_image


@pytest.fixture
def made(tmp_path, monkeypatch):
    make_utkface(tmp_path, monkeypatch)
    return tmp_path


def parts_of(dataset, root):
    pools = dataset.decode(root)
    return dataset.training_splits({part: pools[part] for part in dataset.training_parts()}, dataset.describe(root)) | {
        "test": dataset.test_split(pools["test"], dataset.describe(root))
    }


@pytest.mark.parametrize(
    ("target", "expected"),
    [("age_20_40", {5: 0, 19: 0, 20: 1, 39: 1, 40: 2, 90: 2}), ("age_31_61", {5: 0, 30: 0, 31: 1, 60: 1, 61: 2, 90: 2})],
)
def test_ages_fall_into_three_classes(made, target, expected):
    for pool in UTKFace(target=target).decode(made).values():
        found = dict(zip(pool.columns["age"].tolist(), pool.columns["y"].tolist(), strict=True))
        assert found | expected == found


@pytest.mark.parametrize(("attribute", "groups"), [("race4", 4), ("race5", 5), ("gender", 2)])
def test_groups_are_races_or_genders(made, attribute, groups):
    dataset = UTKFace(attribute=attribute)
    pools = dataset.decode(made)
    assert len(dataset.describe(made).groups) == groups
    for pool in pools.values():
        np.testing.assert_array_equal(pool.columns["a"], pool.columns["gender" if attribute == "gender" else "race"])
        assert set(pool.columns["a"]) == set(range(groups))


def test_malformed_names_are_left_out_and_reported(made):
    (too_few, too_many, unfinished) = UTKFace().remarks(made)
    assert too_few == f"2 files left out, their names lack a field: {', '.join(UTKFACE_MALFORMED[:2])}"
    assert too_many == f"1 file left out, their names have a field too many: {UTKFACE_MALFORMED[2]}"
    assert "301 images; the complete dataset has about 23,700" in unfinished
    assert sum(len(pool) for pool in UTKFace(attribute="race5").decode(made).values()) == 301


def test_other_endings_are_read_and_impossible_values_named(made):
    folder = made / "UTKFace"
    rng = np.random.default_rng(0)
    for name in (
        "20_0_1_2017.JPG",
        "21_1_2_2017.jpeg",
        "-1_0_1_2017.jpg",
        "130_0_1_2017.jpg",
        "20_0_7_2017.jpg",
        "20_3_0_2017.jpg",
    ):
        write_image(folder / name, rng)
    found = UTKFace(attribute="gender").remarks(made)
    assert "2 files left out, their age is no number from 0 to 120: -1_0_1_2017.jpg, 130_0_1_2017.jpg" in found
    assert "1 file left out, their race is none of the numbers 0 to 4: 20_0_7_2017.jpg" in found
    assert "2 files left out, their gender is neither 0 nor 1" in found
    names = {name for pool in UTKFace(attribute="race5").decode(made).values() for name in names_in(pool)}
    assert {f"UTKFace/{name}" for name in ("20_0_1_2017.JPG", "21_1_2_2017.jpeg", "20_3_0_2017.jpg")} <= names
    assert len(names) == 304


def test_who_has_no_gender_is_used_where_the_group_is_the_race(made):
    for attribute, used in (("race4", True), ("race5", True), ("gender", False)):
        names = [name for pool in UTKFace(attribute=attribute).decode(made).values() for name in names_in(pool)]
        assert (f"UTKFace/{UTKFACE_WITHOUT_GENDER}" in names) == used
        assert len(names) == {"race4": 241, "race5": 301, "gender": 300}[attribute]


@pytest.mark.parametrize("target", ["age_20_40", "age_31_61"])
@pytest.mark.parametrize("attribute", ["race4", "race5", "gender"])
def test_the_test_split_is_balanced_and_disjoint(made, target, attribute):
    dataset = UTKFace(target=target, attribute=attribute)
    splits = parts_of(dataset, made)
    cells = splits["test"].cells
    whole = sum(split.cells for split in splits.values())
    assert (cells == whole.min() // 4).all()
    assert len({source for split in splits.values() for source in split.source}) == whole.sum()


def test_official_takes_the_last_hundred_of_every_cell_in_a_shuffled_order(tmp_path):
    names = [f"{age}_0_{race}_{n}.jpg.chip.jpg" for age in (9, 25, 100) for race in range(5) for n in range(102)]
    names += [UTKFACE_WITHOUT_GENDER, *UTKFACE_MALFORMED]
    (tmp_path / "UTKFace").mkdir()
    for name in names:
        (tmp_path / "UTKFace" / name).touch()
    kept = [name for name in names if len(name.split("_")) == 4 and name.split("_")[2] != "4"]
    order = sorted(kept, key=lambda name: [int(field.partition(".")[0] or -1) for field in name.split("_")])
    random.Random(1).shuffle(order)
    test: set[str] = set()
    filled: dict[tuple[int, str], int] = {}
    for name in reversed(order):
        age, _, race, _ = name.split("_")
        cell = (int(age) >= 20) + (int(age) >= 40), race
        filled[cell] = filled.get(cell, 0) + 1
        if filled[cell] <= 100:
            test.add(f"UTKFace/{name}")
    pools = UTKFace(protocol="official").decode(tmp_path)
    assert set(names_in(pools["test"])) == test
    assert len(pools["test"]) == 1200
    assert len(pools["train"]) == 25


def test_official_needs_more_than_a_hundred_of_every_cell(made):
    with pytest.raises(DataError, match=r"class 0 \(0-19\), group White has 12 images, of which protocol: official tests on 100"):
        UTKFace(protocol="official").check(made)


def test_official_cuts_all_images_in_three(made):
    dataset = UTKFace(protocol="official", target="age_31_61", attribute="gender")
    assert dataset.training_parts() == ("train", "validation")
    pools = dataset.decode(made)
    order = torch.randperm(301, generator=torch.Generator().manual_seed(42)).numpy()
    names = sorted(path.name for path in (made / "UTKFace").glob("*.jpg") if path.name.count("_") == 3)
    nameless = names.index(UTKFACE_WITHOUT_GENDER)
    assert sum(map(len, pools.values())) == 300
    assert set(pools["validation"].columns["source"]) == {*order[210:270]} - {nameless}


def test_images_are_stored_for_the_crops_of_the_paper(made):
    dataset = UTKFace()
    assert dataset.decode(made)["test"].x[:1].shape == (1, 256, 256, 3)
    assert dataset.describe(made).shape == (3, 176, 176)


def test_a_new_image_is_decoded(made):
    before = identify(UTKFace(), made).key
    write_image(made / "UTKFace" / "7_1_1_20170117.jpg.chip.jpg", np.random.default_rng(0))
    assert identify(UTKFace(), made).key != before
    assert identify(UTKFace(attribute="gender"), made).key != identify(UTKFace(), made).key


def test_a_missing_folder_says_how_to_get_it(tmp_path):
    with pytest.raises(DataError, match=r"UTKFace is missing: get UTKFace.tar.gz"):
        UTKFace().check(tmp_path)


def test_a_folder_of_other_images_is_refused(tmp_path):
    write_image(tmp_path / "UTKFace" / "holiday.jpg", np.random.default_rng(0))
    with pytest.raises(DataError, match=r"holds no AGE_GENDER_RACE_TIME.jpg.chip.jpg, but 1 other .jpg file"):
        UTKFace().check(tmp_path)


def test_an_empty_cell_is_named(made):
    for path in (made / "UTKFace").glob("*_2_2017*"):
        if int(path.name.split("_")[0]) < 20:
            path.unlink()
    with pytest.raises(DataError, match=r"no test samples in 1 of 12 cells: class 0 \(0-19\), group Asian"):
        UTKFace().check(made)


def test_one_age_only_cannot_be_learnt(made):
    for path in (made / "UTKFace").glob("*.jpg"):
        if not path.name.startswith("90_"):
            path.unlink()
    with pytest.raises(DataError, match=r"the label has fewer than two values in the test split: all \d+ are of class 2 \(40\+\)"):
        UTKFace().check(made)
