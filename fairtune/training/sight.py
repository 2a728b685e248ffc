"""What a teacher sees of its student's images: another version of each, as its own data hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fairtune.datasets import Dataset, open_splits
from fairtune.errors import DataError
from fairtune.records import Ints, Split

MEAN = "mean"
"""All versions, of which a teacher's outputs are the mean."""


def seen_by_teacher(student: Split, dataset: Dataset, root: Path, sees: str) -> tuple[Split, ...]:
    """The images of a student's training split in the versions that its teacher sees, in the same order.

    An image has one version in each group of the teacher's training split, found by its source. S. Jung et al., "Fair Feature
    Distillation for Visual Recognition", CVPR 2021, figure 3, have the teacher see an image in gray, in colour, or both.

    Args:
        student: its training split.
        dataset: the teacher's.
        root: folder of the original files.
        sees: name of a group, or ``mean`` for all groups.

    Raises:
        DataError: the teacher's data have not every image in every version that is asked for.
    """
    groups = dataset.describe(root).groups
    split = open_splits(dataset, root)["train"]
    return tuple(_in_group(split, group, student.source, name) for group, name in enumerate(groups) if sees in (MEAN, name))


def _in_group(split: Split, group: int, source: Ints, name: str) -> Split:
    own = split.take(np.flatnonzero(split.a == group))
    own = own.take(np.argsort(own.source, kind="stable"))
    places = np.searchsorted(own.source, source)
    there = places < len(own)
    there[there] = own.source[places[there]] == source[there]
    if not there.all():
        raise DataError(
            f"--teacher-sees: {int((~there).sum()):,} of {len(source):,} training images are not in the teacher's data as {name}: "
            "give it data with every image in every group, such as --teacher-set train=composite of cifar10s"
        )
    return own.take(places)
