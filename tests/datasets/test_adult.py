import numpy as np
import pytest

from fairtune.datasets._identity import identify
from fairtune.datasets.adult import Adult
from fairtune.errors import DataError

from .files import make_adult


@pytest.fixture
def made(tmp_path, monkeypatch):
    make_adult(tmp_path, monkeypatch)
    return tmp_path


def test_published_counts(shared_data):
    Adult().check(shared_data)
    pools = Adult().decode(shared_data)
    above = {part: int((pool.columns["y"] == 1).sum()) for part, pool in pools.items()}
    assert (len(pools["train"]), len(pools["test"])) == (32_561, 16_281)
    assert above == {"train": 7_841, "test": 3_846}
    assert np.bincount(pools["train"].columns["a"]).tolist() == [10_771, 21_790]
    assert pools["train"].x.shape[1] == Adult().describe(shared_data).shape[0]


def test_only_the_training_file_decides_means_and_deviations(made):
    pools = Adult().decode(made)
    numbers = pools["train"].x[:, :6]
    np.testing.assert_allclose(numbers.mean(axis=0), 0, atol=1e-5)
    assert np.isin(numbers.std(axis=0).round(4), (0, 1)).all()
    assert np.abs(pools["test"].x[:, :6].mean(axis=0)).max() > 1e-3


def test_sex_can_be_left_out_of_the_input(made):
    with_sex, without = (Adult(sensitive=given).decode(made)["train"] for given in ("in", "out"))
    assert with_sex.x.shape[1] == without.x.shape[1] + 2
    np.testing.assert_array_equal(with_sex.columns["a"], without.columns["a"])
    male = [c for c in range(with_sex.x.shape[1]) if (with_sex.x[:, c] == with_sex.columns["a"]).all()]
    assert len(male) == 1
    assert not any((without.x[:, c] == without.columns["a"]).all() for c in range(without.x.shape[1]))
    assert identify(Adult(sensitive="out"), made).key != identify(Adult(), made).key


def test_train_and_test_share_no_source(made):
    pools = Adult().decode(made)
    assert not set(pools["train"].columns["source"]) & set(pools["test"].columns["source"])


def test_a_file_cut_short_is_named(made):
    path = made / "adult" / "adult.test"
    path.write_text("\n".join(path.read_text().splitlines()[:100]))
    with pytest.raises(DataError, match=r"adult.test holds 99 rows instead of 200: unpack https://archive.ics.uci.edu"):
        Adult().check(made)


def test_a_missing_folder_says_how_to_get_it(tmp_path):
    with pytest.raises(DataError, match=r"adult/adult.data is missing: unpack https://archive"):
        Adult().describe(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Female", "Male", r"no test samples in 2 of 4 cells: class 0 \(<=50K\), group Female; class 1 \(>50K\), group Female"),
        (">50K", "<=50K", r"fewer than two values in the test split: all 200 are of class 0 \(<=50K\)"),
        ("Female", "F", r"the column sex holds F \(90\); it may hold Female, Male"),
    ],
)
def test_values_that_leave_nothing_to_compare_are_named(made, old, new, message):
    path = made / "adult" / "adult.test"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DataError, match=message):
        Adult().check(made)
