import numpy as np
import pandas as pd
import pytest

from fairtune.datasets._tables import Encoder, coded, read_table
from fairtune.errors import DataError


@pytest.fixture
def training():
    return pd.DataFrame({"age": [10.0, 20.0, 30.0], "same": [5.0, 5.0, 5.0], "work": ["b", "?", "b"], "home": ["x", "y", "z"]})


def test_numbers_are_standardised_as_the_training_part_decides(training):
    encoder = Encoder.of(training, ("age", "same"))
    deviation = np.sqrt(200 / 3)
    np.testing.assert_allclose(encoder.vectors(training)[:, 0], [-10 / deviation, 0, 10 / deviation], rtol=1e-6)
    later = training.assign(age=[40.0, 50.0, 60.0])
    np.testing.assert_allclose(encoder.vectors(later)[:, 0], np.array([20, 30, 40]) / deviation, rtol=1e-6)
    assert (encoder.vectors(later)[:, 1] == 0).all()


def test_categories_are_one_hot_a_missing_value_is_one_and_a_new_one_none(training):
    encoder = Encoder.of(training, ("age", "same"))
    assert encoder.width == 2 + 2 + 3
    assert encoder.vectors(training)[:, 2:].tolist() == [[0, 1, 1, 0, 0], [1, 0, 0, 1, 0], [0, 1, 0, 0, 1]]
    assert encoder.vectors(training.assign(work="new"))[:, 2:4].sum() == 0
    assert encoder.vectors(training).dtype == np.float32


def read(path, rows=2):
    return read_table(path, ("age", "work"), ("age",), rows=rows, separator=",", obtain="get it")


def test_spaces_and_empty_lines_do_not_matter(tmp_path):
    path = tmp_path / "t.data"
    path.write_text("39, Private\n\n 50 ,?,\n\n")
    assert read(path).to_dict("list") == {"age": [39.0, 50.0], "work": ["Private", "?"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("39, a\n", "t.data holds 1 rows instead of 2: get it"),
        ("39, a\n40\n", "t.data, line 2: 1 values instead of 2: get it"),
        ("39, a\nold, b\n", "a column that should be numeric is not .*old.*: get it"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, content, message):
    path = tmp_path / "t.data"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"t.data is missing: get it"):
        read(tmp_path / "t.data")


def test_a_code_that_does_not_exist_is_named(tmp_path, training):
    np.testing.assert_array_equal(coded(training, "work", ("?", "b"), tmp_path), [1, 0, 1])
    with pytest.raises(DataError, match=r"the column work holds \? \(1\); it may hold a, b"):
        coded(training, "work", ("a", "b"), tmp_path)
