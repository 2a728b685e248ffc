"""Whether the cells of the splits hold what training and scoring need."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from fairtune.datasets._pools import Info
from fairtune.errors import DataError
from fairtune.records import Ints, Split


def check_test(y: Ints, a: Ints, info: Info) -> None:
    """Check, before anything is decoded, that what will be the test split has samples of every group in every class.

    Raises:
        DataError: the label has one value only, or some cells are empty; they are named.
    """
    cells = np.bincount(a * len(info.classes) + y, minlength=len(info.groups) * len(info.classes))
    counts = cells.reshape(len(info.groups), len(info.classes))
    present = np.flatnonzero(counts.sum(axis=0))
    if not len(present):
        raise DataError("no sample is in the test split: it takes some of every group in every class")
    if len(present) < 2:
        seen = f"all {len(y)} are of {info.names.label(int(present[0]))}"
        raise DataError(f"the label has fewer than two values in the test split: {seen}; choose another target")
    if (counts == 0).any():
        raise DataError(
            f"no test samples in {(counts == 0).sum()} of {counts.size} cells: {_named(counts == 0, info)}; "
            "choose another target, attribute or binning"
        )


def check_counts(splits: Mapping[str, Split], info: Info) -> None:
    """Check that ``train`` and ``validation`` hold what training and scoring need.

    Raises:
        DataError: a class or group has no training sample, or a cell no validation sample.
    """
    counts = splits["train"].cells
    missing = [info.names.label(int(y)) for y in np.flatnonzero(counts.sum(axis=0) == 0)]
    missing += [info.names.group(int(a)) for a in np.flatnonzero(counts.sum(axis=1) == 0)]
    if missing:
        raise DataError(f"no training samples of {', '.join(missing)}: a fair model cannot be trained without them")
    held_out = splits["validation"].cells
    if (held_out == 0).any():
        trained = counts[held_out == 0]
        raise DataError(
            f"no validation samples in {(held_out == 0).sum()} of {held_out.size} cells: {_named(held_out == 0, info)}; training "
            f"has {int(trained.min()):,}{f' to {int(trained.max()):,}' if trained.max() > trained.min() else ''} of each. "
            "DEO compares the groups within every class; use data, or a skew, with samples of both groups in each class, "
            "or hold more out with val_frac"
        )


def lost_cells(whole: Split, kept: Split, info: Info) -> list[str]:
    """What a user should know of a fraction of a training set: one sentence if cells have vanished from it."""
    before, after = (split.cells > 0 for split in (whole, kept))
    lost = before & ~after
    told = f"the fraction has no training samples in {lost.sum()} of {before.sum()} cells: {_named(lost, info)}"
    return [told] if lost.any() else []


def _named(cells: npt.NDArray[np.bool_], info: Info) -> str:
    """The first of some cells ``(A, K)``."""
    return info.names.cells((int(y), int(a)) for a, y in np.argwhere(cells))
