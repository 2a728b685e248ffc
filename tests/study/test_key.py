import pytest

from fairtune.study.key import JobKey

NAMES = {
    JobKey("baseline"): "baseline",
    JobKey("teacher"): "teacher",
    JobKey.trial(0): "trial-0",
    JobKey.trial(12): "trial-12",
    JobKey.of_fold(1): "fold-1",
    JobKey.repeat(12, 1): "repeat-12-1",
    JobKey.final("chosen", 2): "final-chosen-2",
    JobKey.final("most_accurate", 10): "final-most_accurate-10",
    JobKey.final("worst-group", 0): "final-worst-group-0",
}
OTHERS = (
    "",
    "search",
    "baseline-1",
    "trial",
    "trial-",
    "trial--1",
    "trial-03",
    "trial-x",
    "trial-1-2",
    "repeat-1",
    "repeat-1-02",
    "fold",
    "trial-3\n",
    "final-2",
    "final--2",
)


@pytest.mark.parametrize(("key", "name"), NAMES.items(), ids=NAMES.values())
def test_a_key_is_its_name_and_back(key, name):
    assert str(key) == name
    assert JobKey.parse(name) == key
    assert {key: 1}[JobKey.parse(name)] == 1


@pytest.mark.parametrize("text", OTHERS)
def test_no_other_text_is_a_name(text):
    with pytest.raises(
        ValueError, match="is no job's name: baseline, teacher, fold-FOLD, trial-NUMBER, repeat-NUMBER-AGAIN or final"
    ):
        JobKey.parse(text)


@pytest.mark.parametrize(
    "parts",
    [
        ("trial",),
        ("baseline", 1),
        ("final", None, "chosen"),
        ("final", 3, "chosen", 1),
        ("trial", 3, None, 1),
        ("repeat", 3),
        ("search",),
    ],
)
def test_a_kind_has_its_own_parts_only(parts):
    with pytest.raises(ValueError, match=f"no job is of kind {parts[0]}"):
        JobKey(*parts)
