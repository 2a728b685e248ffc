"""What a pipeline file may say, and what is refused."""

import re
from pathlib import Path

import pytest
import yaml

from fairtune.errors import InvalidInput
from fairtune.pipeline.expanding import expand, size_of
from fairtune.pipeline.format import Pipeline, Size
from fairtune.pipeline.planning import called, requests
from fairtune.pipeline.reading import load
from fairtune.request.faults import Faults


def pipeline(*searches, **parts):
    return Pipeline.model_validate({"title": "Small", "searches": list(searches) or [{"method": "ss"}], **parts})


def expanded(given, size="full", **typed):
    return expand(given, size_of(given, size), typed)


def written(folder, **content):
    file = folder / "small.yaml"
    file.write_text("# Paper: none\n# Shows: this\n" + yaml.safe_dump({"title": "Small", "searches": [{"method": "ss"}]} | content))
    return file


def test_a_search_stands_for_every_combination_of_its_values():
    found = expanded(
        pipeline({"method": "mi", "each": {"weight": [0.5, 1]}}, defaults={"each": {"dataset.variance": [0.02, 0.05]}})
    )
    assert [one.options["set"] for one in found] == [
        [f"dataset.variance={variance}", f"weight={weight}"] for variance in (0.02, 0.05) for weight in (0.5, 1)
    ]
    assert [one.short for one in found] == ["mi-weight-0.5", "mi-weight-1"] * 2
    assert [one.data for one in found] == ["variance 0.02"] * 2 + ["variance 0.05"] * 2
    assert len({one.label for one in found}) == 4


def test_a_search_is_called_the_same_on_all_data_that_have_it():
    found = expanded(
        pipeline(
            {"method": "mi", "each": {"weight": [0.5], "dataset": ["adult"]}},
            {"method": "mi", "each": {"weight": [0.5, 1], "dataset": ["german"]}},
        )
    )
    assert [(one.short, one.data) for one in found] == [
        ("mi-weight-0.5", "dataset adult"),
        ("mi-weight-0.5", "dataset german"),
        ("mi-weight-1", "dataset german"),
    ]


def test_values_of_options_and_of_the_teacher():
    found = expanded(pipeline({"method": "mfd", "each": {"model": ["cnn"], "teacher.skew": [0.5]}}))
    assert (found[0].options["model"], found[0].options["teacher_set"]) == ("cnn", ["skew=0.5"])


def test_settings_are_overruled_each_by_its_own_key():
    given = pipeline(
        {"method": "mi", "set": ["weight=1", "inner_steps=80"]}, defaults={"set": ["dataset.skew=0.9"]}, quick={"set": ["weight=2"]}
    )
    assert expanded(given, "quick", set=["inner_steps=5"])[0].options["set"] == [
        "dataset.skew=0.9",
        "weight=2",
        "inner_steps=5",
    ]


def test_a_size_overrules_and_what_is_typed_overrules_that():
    given = pipeline({"method": "ss", "epochs": 50}, quick={"epochs": 5, "seeds": 1})
    assert [expanded(given, size)[0].options["epochs"] for size in ("full", "quick")] == [50, 5]
    assert expanded(given, "quick", epochs=2)[0].options["epochs"] == 2
    assert [expanded(given, size)[0].options["final_seeds"] for size in ("full", "quick")] == [4, 1]


def test_names_stay_the_same_in_every_size():
    given = pipeline(
        {"method": "mi", "each": {"weight": [0.5, 1]}}, quick={"each": {"weight": [1]}, "epochs": 2, "set": ["lr=0.1"]}
    )
    assert [one.label for one in expanded(given, "quick")] == ["mi-weight-1"]


def test_a_size_has_options_for_some_data():
    given = pipeline(
        {"method": "ss"},
        defaults={"each": {"dataset": ["adult", "german"]}},
        quick={"epochs": 3, "set": ["lr=1"], "for_data": {"german": {"epochs": 40, "set": ["weight=2"]}}},
    )
    found = expanded(given, "quick")
    assert [one.options["epochs"] for one in found] == [3, 40]
    assert [one.options["set"] for one in found] == [["lr=1"], ["lr=1", "weight=2"]]
    assert [one.options["epochs"] for one in expanded(given, "quick", epochs=2)] == [2, 2]
    assert [one.options["epochs"] for one in expanded(given, "quick", dataset="german")] == [40]


def test_searches_are_left_out_by_name_or_method():
    given = pipeline({"method": "ss"}, {"method": "mfd", "each": {"weight": [1, 2]}}, quick={"leave_out": ["ss", "mfd-weight-2"]})
    assert [one.label for one in expanded(given, "quick")] == ["mfd-weight-1"]
    faults = Faults()
    file = load(Path("digits"))
    kept = requests(file, "full", {"leave_out": ["mfd", "ss"], "runs": "r"}, faults)
    assert not faults.found
    assert [named.label for named, _ in kept] == ["hkd", "ss+hkd", "mfd_k", "mfd_f"]


def test_other_data_and_another_size_are_another_name():
    file = load(Path("digits"))
    assert called(file, "full", {}) == "digits"
    assert called(file, "quick", {"dataset": "adult"}) == "digits-quick-adult"
    assert called(file, "quick", {"name": "mine"}) == "mine"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"defaults": {"epoch": 3}}, "unknown option 'epoch': did you mean 'epochs'"),
        ({"defaults": {"data": "x"}}, "a pipeline does not say where data are: give --data"),
        ({"searches": [{"method": "ss", "final_seeds": 2}]}, "final_seeds: the key seeds says that of all searches"),
        ({"searches": [{"method": "ss", "each": {"weight": 3}}]}, "each: give a list of values by name"),
        ({"quick": {"trails": 2}}, "unknown option 'trails': did you mean 'trials'?"),
        ({"quick": {"for_data": {"german": {"epoch": 2}}}}, "unknown option 'epoch': did you mean 'epochs'"),
        ({"report": {"scores": ["accuracie"]}}, "unknown score 'accuracie': did you mean 'accuracy'"),
        ({"report": {"orderings": ["deo_m baseline > ss"]}}, "write SCORE: ROW > ROW >= ROW, with spaces around the signs"),
        ({"report": {"orderings": ["deo: baseline > ss"]}}, "unknown score 'deo': did you mean 'deo_m'"),
        ({"report": {"figures": [{"kind": "bars"}]}}, "figures: one of kind bars lacks y"),
        ({"report": {"figures": [{"kind": "points", "x": "deo_m", "y": "weight"}]}}, "unknown score 'weight'"),
    ],
)
def test_what_cannot_be_read_is_refused_by_what_it_is(tmp_path, content, fault):
    with pytest.raises(InvalidInput) as error:
        load(written(tmp_path, **content))
    assert any(fault in found for found in error.value.faults), error.value.faults
    assert all(found.startswith("small.yaml: ") for found in error.value.faults)


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        ({"quick": {"each": {"wait": [1]}}}, "each: unknown value 'wait'"),
        ({"quick": {"for_data": {"germany": {"epochs": 1}}}}, "for_data: unknown dataset 'germany'"),
        ({"quick": {"leave_out": ["sss"]}}, "leave_out: unknown search 'sss': did you mean 'ss'?"),
        ({"quick": {"leave_out": ["ss"]}}, "leave_out: no search is left: keep one"),
        ({"report": {"orderings": ["deo_m: baseline > mdf"]}}, "orderings: unknown search 'mdf'"),
        (
            {"report": {"published": [{"table": "t", "dataset": "d", "rows": {"sss": "SS"}}]}},
            "published: rows: unknown search 'sss'",
        ),
    ],
)
def test_what_no_search_has_is_refused(parts, fault):
    given = pipeline(**parts)
    with pytest.raises(InvalidInput) as error:
        expand(given, given.quick or Size(), {})
    assert any(found.startswith(fault) for found in error.value.faults)


def test_a_file_without_quick_settings_says_so():
    with pytest.raises(InvalidInput, match="--quick: this pipeline has no quick: settings"):
        size_of(pipeline(), "quick")


def test_the_header_is_the_comment_that_it_begins_with(tmp_path):
    assert load(written(tmp_path)).header == ("Paper: none", "Shows: this")


@pytest.mark.parametrize("name", ["digits.yaml", "mine.yml", "pipelines/digits"])
def test_a_file_that_is_not_here_is_not_the_shipped_one_of_that_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match=rf"^no such file: {re.escape(name)}"):
        load(Path(name))
    assert load(Path("digits")).name == "digits"


def test_an_unknown_pipeline_has_near_misses():
    with pytest.raises(InvalidInput, match="did you mean 'mi_digits'"):
        load(Path("mi_digit"))
