"""A teacher on other data than its student's must not know what the student is judged on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fairtune.datasets._base import Dataset
from fairtune.datasets._store import open_splits, open_test_labels
from fairtune.errors import InvalidInput
from fairtune.records import Ints

_FORBIDDEN = (("train", "validation", "trained on"), ("train", "test", "trained on"), ("validation", "test", "validated on"))


def check_apart(student: Dataset, teacher: Dataset, root: Path) -> None:
    """Check that a teacher neither trains on what validates or tests its student, nor is validated on what tests it.

    It may be validated on what the student trains on: FFW's biased teacher on CelebA is. Only numbers of sources are looked at.

    Args:
        student: the data that the search is about.
        teacher: the same dataset under other options.
        root: folder of their original files.

    Raises:
        InvalidInput: how many samples it would know, or that this cannot be told.
        DataError: as :func:`fairtune.datasets.open_splits`.
    """
    if student.numbering() != teacher.numbering():
        raise InvalidInput(
            "--teacher-set: under these options the teacher's samples cannot be matched with those that judge the student, so that "
            "it may have been trained on them: choose options that leave the files and the kind of source as the student's"
        )
    own, others = _sources(student, root), _sources(teacher, root)
    for part, judging, how in _FORBIDDEN:
        known = int(np.isin(own[judging], others[part]).sum())
        if known:
            raise InvalidInput(
                f"--teacher-set: the teacher would be {how} {known:,} of the {len(own[judging]):,} sources that are the student's "
                f"{judging} split: choose options under which both hold out the same, such as the same protocol and val_frac"
            )


def check_same_test(student: Dataset, teacher: Dataset, root: Path) -> None:
    """Check that a teacher that trials are compared with is tested on what they are.

    Args:
        student, teacher, root: as for :func:`check_apart`.

    Raises:
        InvalidInput: it is tested on other samples, or they have other labels or groups.
    """
    own, others = (open_test_labels(dataset, root) for dataset in (student, teacher))
    if not all(np.array_equal(getattr(own, name), getattr(others, name)) for name in ("source", "y", "a")):
        raise InvalidInput(
            "--compare-with teacher: under its --teacher-set the teacher is tested on other samples, classes or groups than the "
            "trials, with which it could not be compared: choose options that leave the test split as it is, or leave "
            "--compare-with out"
        )


def _sources(dataset: Dataset, root: Path) -> dict[str, Ints]:
    splits = open_splits(dataset, root) | {"test": open_test_labels(dataset, root)}
    return {part: np.unique(split.source) for part, split in splits.items()}
