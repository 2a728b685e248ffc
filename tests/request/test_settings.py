import pytest

from fairtune.request.settings import Setting, read_settings


@pytest.mark.parametrize(
    ("texts", "read"),
    [
        ([], []),
        (["weight=3"], [("weight", "3")]),
        ([" mfd.weight = 0.3..30 "], [("mfd.weight", "0.3..30")]),
        (["temperature=1,3,5", "lr=1e-3"], [("temperature", "1,3,5"), ("lr", "1e-3")]),
        (["kernel=a=b"], [("kernel", "a=b")]),
    ],
)
def test_reads_settings(texts, read):
    assert read_settings(texts) == [Setting(*pair) for pair in read]


@pytest.mark.parametrize("text", ["weight", "=3", "weight=", "", " = "])
def test_a_setting_that_cannot_be_read_is_named(text):
    with pytest.raises(ValueError, match="cannot read") as caught:
        read_settings(["lr=1", text], "--teacher-set")
    assert str(caught.value) == f"cannot read --teacher-set {text!r}: write KEY=VALUE, KEY=LOW..HIGH or KEY=A,B,C"


def test_a_key_given_twice_is_named_once_beside_every_other_fault():
    with pytest.raises(ValueError, match="given") as caught:
        read_settings(["lr=1", "weight", "lr = 2", "lr=3"])
    unread, twice = str(caught.value).splitlines()
    assert unread.startswith("cannot read --set 'weight'")
    assert twice == "--set lr is given 3 times: give it once"
