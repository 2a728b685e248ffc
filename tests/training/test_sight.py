"""What a teacher sees of its student's images."""

from dataclasses import replace

import numpy as np
import pytest

from fairtune.datasets import open_splits
from fairtune.datasets.cifar10s import CIFAR10S
from fairtune.errors import DataError, InvalidInput
from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.training.sight import seen_by_teacher
from tests.datasets import files


@pytest.fixture
def root(tmp_path, monkeypatch):
    files.make_cifar10(tmp_path, monkeypatch)
    return tmp_path


def composite():
    return CIFAR10S(train="composite")


def images(split):
    return split.pool[split.rows]


def test_each_image_is_found_in_the_version_asked_for(root):
    student = open_splits(CIFAR10S(), root)["train"]
    (gray,) = seen_by_teacher(student, composite(), root, "gray")
    (colour,) = seen_by_teacher(student, composite(), root, "colour")
    for seen in (gray, colour):
        assert np.array_equal(seen.source, student.source)
        assert np.array_equal(seen.y, student.y)
    assert (gray.a == 0).all()
    assert (colour.a == 1).all()
    own = np.where((student.a == 0)[:, None, None, None], images(gray), images(colour))
    assert np.array_equal(own, images(student))
    both = seen_by_teacher(student, composite(), root, "mean")
    assert [np.array_equal(images(one), images(other)) for one, other in zip(both, (gray, colour), strict=True)] == [True, True]


def test_data_that_lack_a_version_are_refused(root):
    student = open_splits(CIFAR10S(), root)["train"]
    with pytest.raises(DataError, match=r"training images are not in the teacher's data as gray: give it data with every image"):
        seen_by_teacher(replace(student), CIFAR10S(), root, "gray")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"method": "fitnet", "teacher_sees": "grey"}, "--teacher-sees: unknown version 'grey': did you mean 'gray'?"),
        ({"method": "ss", "teacher_sees": "gray"}, "--teacher-sees: ss has no teacher that sees images: leave it out"),
    ],
)
def test_what_no_teacher_can_see_is_refused(root, options, fault):
    with pytest.raises(InvalidInput) as error:
        resolve(
            Request.read({"dataset": "cifar10s", "data": str(root), "runs": str(root / "runs"), "gpus_per_trial": 0, **options})
        )
    assert fault in error.value.faults


def test_a_trial_names_it_and_others_keep_their_identity(root):
    options = {"dataset": "cifar10s", "data": str(root), "runs": str(root / "runs"), "gpus_per_trial": 0, "method": "fitnet"}
    taught = {"teacher_set": ["train=composite"]}
    seeing, _ = resolve(Request.read(options | taught | {"teacher_sees": "mean"}))
    plain, _ = resolve(Request.read(options | taught))
    trial = seeing.trial("fitnet", {}, needs_baseline=True)
    assert trial.teacher_sees == "mean"
    assert "teacher_sees" not in plain.trial("fitnet", {}, needs_baseline=True).model_dump()
    assert seeing.baseline() == plain.baseline()
    assert seeing.teacher().id == plain.teacher().id
