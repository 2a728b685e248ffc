"""What a net answered for each sample of a split, packed, so that two nets can be compared sample by sample.

Samples stand by their cells: by group, within a group by label, and within a cell in the order of the split. Of two nets scored on
one split the k-th answers are therefore to the same sample, the table of cells says which cell it is of, and what is kept takes
about a bit a sample, since most answers of a cell are alike.
"""

from __future__ import annotations

import base64
import zlib

import numpy as np

from fairtune.records import Ints

MOST = 1_000_000
"""Samples of a split whose answers are kept; of more of them, what the samples leave open is no longer what counts."""


def pack(predicted: Ints, y: Ints, a: Ints) -> str | None:
    """The answers as text; None for a split of more than :data:`MOST` samples.

    Args:
        predicted: class predicted for each sample ``(n,)``, at least 0.
        y: labels ``(n,)``.
        a: groups ``(n,)``.
    """
    if len(predicted) > MOST:
        return None
    by_cell = predicted[np.lexsort((y, a))].astype("<u2")
    halves = by_cell.view(np.uint8).reshape(-1, 2).T
    return base64.b64encode(zlib.compress(halves.tobytes(), 9)).decode()


def unpack(text: str) -> Ints:
    """The classes predicted ``(n,)``, in the order of the cells."""
    halves = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8).reshape(2, -1)
    return np.ascontiguousarray(halves.T).view("<u2").ravel().astype(np.int64)
