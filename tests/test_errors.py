import pytest

from fairtune.errors import DataError, FairtuneError, InvalidInput, NoFeasibleTrial, unknown_name


def test_near_misses_are_offered():
    assert unknown_name("method", "mdf", ["mfd", "mfd_k", "hkd"]).startswith("unknown method 'mdf': did you mean 'mfd'")


def test_without_a_near_miss_all_names_are_listed_in_order():
    assert unknown_name("method", "zzz", ["mfd", "hkd"]) == "unknown method 'zzz': known: hkd, mfd."


def test_all_faults_are_reported_together():
    error = InvalidInput(["first", "second"])
    assert error.faults == ["first", "second"]
    assert str(error) == "first\nsecond"
    assert InvalidInput("only").faults == ["only"]


@pytest.mark.parametrize(("error", "code"), [(InvalidInput, 2), (DataError, 2), (NoFeasibleTrial, 3)])
def test_exit_codes(error, code):
    assert issubclass(error, FairtuneError)
    assert error.exit_code == code
