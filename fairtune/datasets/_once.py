"""No image in two splits, whatever its names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from fairtune.datasets._files import first_of, stat_all
from fairtune.datasets._pools import Pool
from fairtune.datasets._twins import across_splits, split_of, told
from fairtune.errors import DataError
from fairtune.records import Ints

_REMEDY = (
    "keep one of each, or --set on_duplicate=drop (one of each is kept, that which tests before that which validates), or keep "
    "(all are used)"
)


def check_once(root: Path, paths: Collection[str], files: Sequence[str], table: Path) -> None:
    """Check that no image is listed twice, under one path, two spellings of it, or links to one file.

    Raises:
        DataError: some are.
    """
    repeated = sorted(name for name, count in Counter(paths).items() if count > 1)
    if repeated:
        raise DataError(f"{table}: paths in more than one row ({len(repeated)}): {first_of(repeated)}; {_REMEDY}")
    found = stat_all(root, files, f"add them, or take their rows out of {table}")
    times = Counter(map(_identity, found))
    same = sorted(path for path, file in zip(paths, found, strict=True) if times[_identity(file)] > 1)
    if same:
        raise DataError(
            f"{table}: images in more than one row under different paths ({len(same)} rows): {first_of(same)}; {_REMEDY}"
        )


def check_images_apart(pool: Pool) -> None:
    """Check that no image is in several splits under several names.

    Args:
        pool: of the training part; its column ``validation`` says what validates.

    Raises:
        DataError: equal images are.
    """
    if across := across_splits(pool.twins, pool.columns["validation"]):
        raise DataError(f"equal images, byte for byte, in several splits ({len(across):,}): {told(across)}; {_REMEDY}")


def one_of_each(pool: Pool, part: str, policy: str) -> Ints:
    """The rows of a pool that are used.

    Args:
        pool: of the part.
        part: which one: ``train``, whose column ``validation`` says what validates, or ``test``.
        policy: ``keep`` all, ``drop`` equal images but one, or ``error``: refuse those that are in several splits.

    Raises:
        DataError: equal images are in several splits.
    """
    if policy == "error" and part == "train":
        check_images_apart(pool)
    if policy != "drop":
        return np.arange(len(pool))
    validates = pool.columns["validation"] if part == "train" else np.zeros(0, dtype=bool)
    split = partial(split_of, validates=validates)
    order = {"test": 0, "validation": 1, "train": 2}
    kept = [min(group, key=lambda twin: (order[split(twin)], twin.row)) for group in pool.twins]
    surplus = [twin.row for group, one in zip(pool.twins, kept, strict=True) for twin in group if twin.part == part and twin != one]
    return np.setdiff1d(np.arange(len(pool)), surplus)


def _identity(file: os.stat_result) -> tuple[int, int]:
    return file.st_dev, file.st_ino
