import pytest
from pydantic import BaseModel

from fairtune.options import Duration, Floor, seconds


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("0", (0.0, False)),
        ("0.93", (0.93, False)),
        (" 1 ", (1.0, False)),
        ("9e-1", (0.9, False)),
        ("teacher", (0.0, True)),
        ("teacher-0.01", (-0.01, True)),
        ("teacher - .5", (-0.5, True)),
        ("teacher+2e-2", (0.02, True)),
    ],
)
def test_reads_floors(text, read):
    assert Floor.parse(text) == Floor(*read)


@pytest.mark.parametrize("text", ["", "high", "teacher-", "teacher0.1", "student-0.01", "teacher-0.01%", "90 %"])
def test_a_floor_that_cannot_be_read_says_what_is_allowed(text):
    with pytest.raises(ValueError, match=r"cannot read the accuracy floor .*give a number from 0 to 1, or teacher with an offset"):
        Floor.parse(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [("93", ": did you mean 0.93?"), ("1.2", ": did you mean 0.012?"), ("-0.1", ""), ("nan", ""), ("teacher-2", "")],
)
def test_a_floor_that_is_no_accuracy_is_refused(text, hint):
    with pytest.raises(ValueError, match="is outside 0 to 1") as caught:
        Floor.parse(text)
    assert str(caught.value) == f"the accuracy floor {text!r} is outside 0 to 1{hint}"


def test_a_floor_is_a_number_or_relative_to_the_teacher():
    assert Floor.parse("0.4").above(0.9) == 0.4
    assert Floor.parse("teacher-0.25").above(0.75) == 0.5


@pytest.mark.parametrize(
    ("text", "read"), [("90", 90), ("90s", 90), ("15m", 900), ("1.5h", 5400), ("2 d", 172_800), (" 1 ", 1), (1e-6, 1e-6), (90, 90)]
)
def test_reads_durations(text, read):
    assert seconds(text) == read


@pytest.mark.parametrize("text", ["", "0", "0h", "-5", "soon", "5 weeks", "1h30m", "nan", ".5h", 0, -1.0, float("nan")])
def test_a_duration_that_cannot_be_read_says_what_is_allowed(text):
    with pytest.raises(ValueError, match=r"cannot read the time budget .*: write seconds, or a number with s, m, h or d"):
        seconds(text)


class Options(BaseModel):
    floor: Floor = Floor.parse("teacher-0.01")
    budget: Duration | None = None


@pytest.mark.parametrize("text", ["0", "0.93", "teacher", "teacher-0.01", "teacher+0.02"])
def test_a_floor_in_json_is_its_text_and_comes_back(text):
    options = Options.model_validate({"floor": text, "budget": "2m"})
    assert options.model_dump(mode="json") == {"floor": text, "budget": 120.0}
    assert Options.model_validate_json(options.model_dump_json()) == options
