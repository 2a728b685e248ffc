import pytest
from pydantic import BaseModel

from fairtune.options import Duration, Floor, seconds


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("0", (0.0, "number")),
        ("0.93", (0.93, "number")),
        (" 1 ", (1.0, "number")),
        ("9e-1", (0.9, "number")),
        ("teacher", (0.0, "offset")),
        ("teacher-0.01", (-0.01, "offset")),
        ("teacher - .5", (-0.5, "offset")),
        ("teacher+2e-2", (0.02, "offset")),
        (" q0.05 ", (0.05, "quantile")),
        ("Q.5", (0.5, "quantile")),
    ],
)
def test_reads_floors(text, read):
    assert Floor.parse(text) == Floor(*read)


@pytest.mark.parametrize("text", ["", "high", "teacher-", "teacher0.1", "student-0.01", "teacher-0.01%", "90 %"])
def test_a_floor_that_cannot_be_read_says_what_is_allowed(text):
    with pytest.raises(
        ValueError,
        match=r"cannot read the accuracy floor .*: give a number .*, teacher with an offset, .*, or a quantile, as q0",
    ):
        Floor.parse(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [("93", ": did you mean 0.93?"), ("1.2", ": did you mean 0.012?"), ("-0.1", ""), ("nan", ""), ("teacher-2", "")],
)
def test_a_floor_that_is_no_accuracy_is_refused(text, hint):
    with pytest.raises(ValueError, match="is outside 0 to 1") as caught:
        Floor.parse(text)
    assert str(caught.value) == f"the accuracy floor {text!r} is outside 0 to 1{hint}"


@pytest.mark.parametrize(
    ("text", "hint"),
    [("q5", ": did you mean q0.05?"), ("q0", ""), ("q1", ""), ("q", ""), ("q-0.1", ""), ("qnan", ""), ("qhalf", "")],
)
def test_a_floor_that_is_no_quantile_is_refused(text, hint):
    with pytest.raises(ValueError, match=r"is no quantile: write q and a probability above 0 and below 1, as q0\.05") as caught:
        Floor.parse(text)
    assert str(caught.value).endswith(f"lies below with 5 %{hint}")


@pytest.mark.parametrize(
    ("text", "read"), [("90", 90), ("90s", 90), ("15m", 900), ("1.5h", 5400), ("2 d", 172_800), (" 1 ", 1), (1e-6, 1e-6), (90, 90)]
)
def test_reads_durations(text, read):
    assert seconds(text) == read


@pytest.mark.parametrize("text", ["", "0", "0h", "-5", "soon", "5 weeks", "1h30m", "nan", ".5h", 0, -1.0, float("nan")])
def test_a_duration_that_cannot_be_read_says_what_is_allowed(text):
    with pytest.raises(ValueError, match=r"write seconds, or a number with s, m, h or d"):
        seconds(text)


class Options(BaseModel):
    floor: Floor = Floor.parse("teacher-0.01")
    budget: Duration | None = None


@pytest.mark.parametrize("text", ["0", "0.93", "teacher", "teacher-0.01", "teacher+0.02", "q0.05"])
def test_a_floor_in_json_is_its_text_and_comes_back(text):
    options = Options.model_validate({"floor": text, "budget": "2m"})
    assert options.model_dump(mode="json") == {"floor": text, "budget": 120.0}
    assert Options.model_validate_json(options.model_dump_json()) == options
