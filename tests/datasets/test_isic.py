import numpy as np
import pandas as pd
import pytest
import torch

from fairtune.batches.sampling import effective_number_weights
from fairtune.datasets.isic import ISIC
from fairtune.errors import DataError
from tests.datasets.files import names_in

from .files import make_isic


@pytest.fixture
def made(tmp_path, monkeypatch):
    make_isic(tmp_path, monkeypatch)
    return tmp_path


def change(root, edit):
    path = root / "isic" / "train.csv"
    edit(pd.read_csv(path)).to_csv(path, index=False)


def parts_of(dataset, root):
    pools = dataset.decode(root)
    return dataset.training_splits({part: pools[part] for part in dataset.training_parts()}, dataset.describe(root)) | {
        "test": dataset.test_split(pools["test"], dataset.describe(root))
    }


def test_no_patient_is_in_two_splits(made):
    splits = parts_of(ISIC(), made)
    patients = [set(split.source) for split in splits.values()]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 60
    assert sum(len(split) for split in splits.values()) == 180
    assert len(splits["test"]) / 180 == pytest.approx(0.2, abs=0.03)
    assert all((split.cells > 0).all() for split in splits.values())


def test_labels_follow_the_name_of_the_image_whatever_the_order_of_the_table(made):
    table = pd.read_csv(made / "isic" / "train.csv").set_index("image_name")
    for pool in ISIC().decode(made).values():
        rows = table.loc[[name.rpartition("/")[2].removesuffix(".jpg") for name in names_in(pool)]]
        np.testing.assert_array_equal(pool.columns["y"], rows["target"])
        np.testing.assert_array_equal(pool.columns["a"], rows["sex"] == "female")


def test_patients_of_unknown_sex_are_left_out_and_reported(made):
    assert ISIC().remarks(made) == ["images of patients of unknown sex are left out: 1"]
    assert ISIC(protocol="official").remarks(made) == ["images of patients of unknown sex count to the commoner sex: 1"]


def test_who_has_no_patient_id_is_a_patient_of_his_own(made):
    before = {name: len(split) for name, split in parts_of(ISIC(), made).items()}
    change(made, lambda table: table.assign(patient_id=table.patient_id.mask(table.index % 3 == 0)))
    splits = parts_of(ISIC(), made)
    assert abs(len(splits["test"]) - before["test"]) <= 6
    assert sum(map(len, splits.values())) == 180
    known = pd.read_csv(made / "isic" / "train.csv").set_index("image_name")["patient_id"]
    unknown = int(known.isna().sum())
    assert f"images without a patient_id are each taken as a patient of their own: {unknown} of 181" in ISIC().remarks(made)
    pools = ISIC().decode(made)
    patients = []
    for pool in pools.values():
        ids = known.loc[[name.rpartition("/")[2].removesuffix(".jpg") for name in names_in(pool)]]
        patients.append(set(ids.dropna()))
        assert len(set(pool.columns["source"])) == ids.nunique() + ids.isna().sum()
    assert not patients[0] & patients[1]


@pytest.mark.parametrize(
    "messy",
    [
        lambda t: t.assign(sex=t.sex.str.upper() + " "),
        lambda t: t.assign(target=t.target.astype(float)),
        lambda t: t.rename(columns={"sex": " sex"}),
        lambda t: t.reset_index(),
    ],
)
def test_a_table_that_was_saved_by_hand_is_read_alike(made, messy):
    before = ISIC().table(made)
    change(made, messy)
    after = ISIC().table(made)
    for name in ("image_name", "y", "a", "source"):
        assert before[name].tolist() == after[name].tolist()


def test_official_cuts_by_image_and_fills_the_sex(made):
    dataset = ISIC(protocol="official")
    pools = dataset.decode(made)
    order = torch.randperm(181, generator=torch.Generator().manual_seed(42)).numpy()
    assert [len(pools[part]) for part in ("train", "validation", "test")] == [126, 36, 19]
    assert set(pools["train"].columns["source"]) == set(order[:126])


def test_photographs_are_cut_to_their_central_square(made):
    assert ISIC().decode(made)["train"].x[:2].shape == (2, 256, 256, 3)


def test_classes_weigh_by_their_effective_number(made):
    info = ISIC().describe(made)
    assert info.class_balance is not None
    weights = effective_number_weights(np.array([32542, 584]), info.class_balance)
    assert weights.sum() == pytest.approx(2)
    assert weights[1] / weights[0] == pytest.approx((1 - 0.9998**32542) / (1 - 0.9998**584))


def test_a_missing_image_is_named(made):
    (made / "isic" / "jpeg" / "train" / "ISIC_0000004.jpg").unlink()
    with pytest.raises(DataError, match=r"1 of 180 files are missing in .*ISIC_0000004.jpg; get train.csv"):
        ISIC().check(made)


def test_a_missing_table_says_how_to_get_it(tmp_path):
    with pytest.raises(DataError, match=r"isic/train.csv is missing: get train.csv and the folder jpeg"):
        ISIC().check(tmp_path)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda table: table.drop(columns=["sex", "target"]), "has no column sex, target"),
        (lambda table: table.assign(sex="m"), r"the column sex holds m \(181\); it may hold male, female or nothing"),
        (lambda table: table.assign(sex="NA", target="?"), r"sex holds NA \(181\); .*; the column target holds \? \(181\)"),
        (lambda table: pd.concat([table, table[:2]]), r"images in more than one row \(2\)"),
        (lambda table: table[:0], r"train.csv has a heading but no rows: "),
        (lambda table: table.assign(target=3), "the column target holds 3"),
        (lambda table: table.assign(target=0), r"fewer than two values in the test split: all .* are of class 0 \(benign\)"),
        (
            lambda table: table[(table.sex != "female") | (table.target == 0)],
            r"no test samples in 1 of 4 cells: class 1 \(malignant\), group female",
        ),
    ],
)
def test_a_table_that_cannot_be_used_says_why(made, edit, message):
    change(made, edit)
    with pytest.raises(DataError, match=message):
        ISIC().check(made)
