"""Typed data in the place of a file's, and what a size leaves out."""

import pytest

from fairtune.errors import InvalidInput
from fairtune.pipeline.expanding import expand
from fairtune.pipeline.format import Pipeline, Size

FILE = Pipeline.model_validate(
    {
        "title": "methods",
        "defaults": {"each": {"method": ["ss", "mfd"]}},
        "searches": [
            {"each": {"dataset": ["digits", "german"]}},
            {"dataset": "cifar10s", "train_fraction": 0.2, "each": {"method": ["ss", "at"]}},
        ],
        "quick": {"leave_out": ["cifar10s"]},
    }
)


def expanded(size, **typed):
    return [(one.method, one.options["dataset"]) for one in expand(FILE, size, typed)]


def test_datasets_and_methods_are_crossed():
    assert expanded(Size()) == [
        ("ss", "digits"),
        ("ss", "german"),
        ("mfd", "digits"),
        ("mfd", "german"),
        ("ss", "cifar10s"),
        ("at", "cifar10s"),
    ]


def test_a_typed_dataset_takes_the_place_of_all():
    assert expanded(Size(), dataset="adult") == [("ss", "adult"), ("mfd", "adult")]
    assert FILE.quick is not None
    assert expanded(FILE.quick, dataset="cifar10s") == [("ss", "cifar10s"), ("mfd", "cifar10s")]


def test_a_size_leaves_out_a_dataset():
    assert FILE.quick is not None
    assert {dataset for _, dataset in expanded(FILE.quick)} == {"digits", "german"}
    with pytest.raises(InvalidInput, match="leave_out: unknown search 'imdb'"):
        expanded(Size(leave_out=("imdb",)))


def test_names_to_leave_out_may_stand_in_a_list_with_commas():
    assert {dataset for _, dataset in expanded(Size(leave_out=("cifar10s, german",)))} == {"digits"}
    with pytest.raises(InvalidInput) as error:
        expanded(Size(leave_out=("german,imdb,at",)))
    assert [fault.partition(":")[0] for fault in error.value.faults] == ["leave_out"]
    assert "unknown search 'imdb'" in error.value.faults[0]


def test_a_search_of_several_methods_is_left_out_by_its_name():
    file = Pipeline.model_validate({"title": "methods", "searches": [{"method": "ss,mfd"}, {"method": "ss"}, {"method": "mfd"}]})
    assert [one.method for one in expand(file, Size(leave_out=("ss,mfd",)), {})] == ["ss", "mfd"]
