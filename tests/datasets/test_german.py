import numpy as np
import pytest

from fairtune.datasets._identity import identify
from fairtune.datasets.german import German
from fairtune.errors import DataError

from .files import make_german


@pytest.fixture
def made(tmp_path, monkeypatch):
    make_german(tmp_path, monkeypatch)
    return tmp_path


def test_published_counts(shared_data):
    German().check(shared_data)
    pools = German().decode(shared_data)
    assert (len(pools["train"]), len(pools["test"])) == (700, 300)
    y, a = (np.concatenate(columns) for columns in zip(*map(German().labels, pools.values()), strict=True))
    assert np.bincount(y).tolist() == [300, 700]
    assert np.bincount(a).tolist() == [190, 810]


def test_the_test_split_holds_three_tenths_of_every_cell_whatever_the_threshold(made):
    pools = German().decode(made)
    whole = np.concatenate([pool.columns["source"] for pool in pools.values()])
    assert sorted(whole) == list(range(400))
    cells = [np.bincount(np.dot((2, 1), German().labels(pool)), minlength=4) for pool in (pools["test"], pools["train"])]
    assert np.abs(cells[0] - 0.3 * sum(cells)).max() <= 0.5
    assert identify(German(age=22), made).key == identify(German(), made).key


def test_the_threshold_divides_the_ages(made):
    pool = German().decode(made)["train"]
    for threshold in (22, 25, 30):
        _, a = German(age=threshold).labels(pool)
        np.testing.assert_array_equal(a, pool.columns["age"] > threshold)
    assert German(age=30).describe(made).groups == ("up to 30", "over 30")


def test_age_can_be_left_out_of_the_input(made):
    with_age, without = (German(sensitive=given).decode(made)["train"] for given in ("in", "out"))
    assert with_age.x.shape[1] == without.x.shape[1] + 1
    standardised = (with_age.columns["age"] - with_age.columns["age"].mean()) / with_age.columns["age"].std()
    given = [np.abs(pool.x - standardised[:, None]).max(axis=0).min() for pool in (with_age, without)]
    assert given[0] < 1e-5 < 0.1 < given[1]


def test_the_training_part_decides_means_and_deviations(made):
    pools = German().decode(made)
    np.testing.assert_allclose(pools["train"].x[:, :7].mean(axis=0), 0, atol=1e-5)
    assert np.abs(pools["test"].x[:, :7].mean(axis=0)).max() > 1e-3


def test_a_threshold_that_leaves_an_age_without_customers_is_refused(made):
    with pytest.raises(DataError, match=r"in 2 of 4 cells: class 0 \(bad\), group over 40; class 1 \(good\), group over 40;"):
        German(age=40).check(made)


def test_a_damaged_line_is_named(made):
    path = made / "german" / "german.data"
    path.write_text(path.read_text().replace(" ", "", 1))
    with pytest.raises(DataError, match=r"german.data, line 1: 20 values instead of 21"):
        German().check(made)


def test_a_missing_file_says_how_to_get_it(tmp_path):
    with pytest.raises(DataError, match=r"german/german.data is missing: unpack https://archive"):
        German().check(tmp_path)
