"""Whether the samples of a table can be split so that groups are comparable, and what is possible where they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fairtune.datasets._files import first_of
from fairtune.errors import DataError
from fairtune.names import Names
from fairtune.records import Ints

_LARGEST_BATCH = 128
_SPLITS = 3
_SHOWN = 12


def check_possible(cells: Ints, names: Names, file: Path) -> None:
    """Check that every cell can be in each of the three splits.

    Args:
        cells: independent samples, sources, of each group and class ``(A, K)``.
        names: of classes and groups.
        file: where they are listed.

    Raises:
        DataError: which cells are too small, where the samples are, and what is possible.
    """
    short = np.argwhere(cells < _SPLITS)
    if not len(short):
        return
    few = first_of([f"{names.cell(int(y), int(a))} has {cells[a, y]}" for a, y in short], 6)
    held = "; ".join(f"{names.groups[a]}: {', '.join(f'{n:,}' for n in row)}" for a, row in enumerate(cells[:_SHOWN]))
    raise DataError(
        f"{file}: {len(short)} of {cells.size} cells have fewer than {_SPLITS} independent samples, one for each split: {few}. "
        f"Samples of each group by class ({', '.join(names.classes)}): {held}{'; ...' if len(cells) > _SHOWN else ''}. "
        f"{_remedy(cells, names)}"
    )


def _remedy(cells: Ints, names: Names) -> str:
    fine = [names.groups[a] for a, row in enumerate(cells) if (row >= _SPLITS).all()]
    poor = [name for name in names.groups if name not in fine]
    ways = []
    if len(fine) >= 2:
        ways.append(f"leave {' and '.join(poor[:3])} out (--set groups={','.join(fine)})")
    if len(names.groups) > 2:
        first, *others = fine or names.groups
        rest = [name for name in others if name not in poor]
        joined = "+".join(dict.fromkeys((first, *poor))) if fine else f"{names.groups[0]}+{names.groups[1]}"
        kept = rest if fine else list(names.groups[2:])
        if kept:
            ways.append(f"take groups as one (--set groups={','.join([joined, *kept])})")
    ways.append("choose another target or group, or bins for columns of numbers (--set bins=COLUMN:EDGE,EDGE)")
    return f"DEO compares the groups within every class: {'; '.join(ways)}"


def balanced_batch(cells: Ints) -> int:
    """The largest usual batch, up to 128, that can be filled equally from every cell.

    Args:
        cells: training samples per cell ``(A, K)``.
    """
    smallest = max(1, int(cells.min()))
    sizes = (2**power for power in range(_LARGEST_BATCH.bit_length() - 1, 0, -1))
    return next((size for size in sizes if size >= cells.size and -(-size // cells.size) <= smallest), int(cells.size))
