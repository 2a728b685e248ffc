"""Whether a net gives all samples the same class: then it treats all groups alike, and is of no use."""

from __future__ import annotations

import numpy as np

from fairtune.names import Names
from fairtune.records import GroupCounts


def only_class(counts: GroupCounts) -> int | None:
    """The class that every sample was given, though not all are of it; None otherwise.

    DEO_M is 0 for such a net, and so is every other gap between groups in what it answers.

    Args:
        counts: of a split.
    """
    given, true = (np.flatnonzero(counts.hard.sum(axis=axes)) for axes in ((0, 1), (0, 2)))
    return int(given[0]) if len(given) == 1 and len(true) > 1 else None


def name_only_class(given: int | None, names: Names) -> str | None:
    """A sentence that names the class that every sample was given; None where they were given several."""
    if given is None:
        return None
    return f"every sample is called {names.label(given)}: such a model treats all groups alike, and is of no use"
