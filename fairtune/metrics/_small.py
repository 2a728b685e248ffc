"""Which cells are too small to conclude from, and how that is said: one rule wherever their scores are shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fairtune.names import Names
from fairtune.records import Ints

MINIMUM = 25
"""In a cell of fewer samples the standard error of a recall of one half is above 0.1."""
_SHOWN = 8

Cell = tuple[int, int, int]
"""y, a, and the number of samples."""


def small_cells(cells: Ints, minimum: int = MINIMUM) -> list[Cell]:
    """The cells, of ``(A, K)``, with fewer than ``minimum`` samples."""
    return [(int(y), int(a), int(cells[a, y])) for a, y in np.argwhere(cells < minimum)]


def name_small_cells(split: str, small: Sequence[Cell], names: Names, shown: int = _SHOWN) -> str | None:
    """A sentence that names the small cells of a split with their counts; None where there is none."""
    if not small:
        return None
    named = [f"{names.cell(y, a)} has {samples}" for y, a, samples in small[:shown]]
    more = f" and {len(small) - shown} more" if len(small) > shown else ""
    plural = "s have" if len(small) > 1 else " has"
    return (
        f"{split}: {len(small)} cell{plural} fewer than {MINIMUM} samples, too few to conclude from their accuracy or gaps: "
        f"{'; '.join(named)}{more}"
    )
