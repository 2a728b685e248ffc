"""What decoded images show that a table does not: equal ones under several names, blank ones, values of few bits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fairtune.datasets._pools import Pool
from fairtune.datasets._twins import Twins, across_splits, told

_NARROW = 16
"""An image whose gray levels span fewer is blank to a net, or its values were meant otherwise."""


def remarks_on_images(pools: Sequence[Pool]) -> list[str]:
    """What a user should know of decoded images; one sentence each.

    Args:
        pools: of all parts, that of training first; only their columns are looked at.
    """
    validates = pools[0].columns.get("validation", np.zeros(0, dtype=bool))
    return [*_of_twins(pools[0].twins, validates), *_of_depth(pools), *_of_ranges(pools)]


def narrow(pool: Pool) -> np.typing.NDArray[np.bool_]:
    """Which images are nearly of one gray level."""
    low, high = (pool.columns[f"image.{name}"].astype(int) for name in ("low", "high"))
    found: np.typing.NDArray[np.bool_] = high - low < _NARROW
    return found


def _of_twins(twins: Twins, validates: npt.NDArray[np.bool_]) -> list[str]:
    across = across_splits(twins, validates)
    within = [group for group in twins if group not in across]
    found = []
    if across:
        found.append(f"equal images, byte for byte, in several of train, validation and test ({len(across):,}): {told(across)}")
    if within:
        found.append(f"equal images, byte for byte, within a part ({len(within):,}): {told(within)}")
    return found


def _of_depth(pools: Sequence[Pool]) -> list[str]:
    depths = [pool.columns["image.bits"] for pool in pools if "image.bits" in pool.columns]
    deep = np.concatenate([np.empty(0, dtype=np.uint8), *depths])
    found = [int(bits) for bits in np.unique(deep[deep > 8])]
    return [
        f"images kept in 16 bits are read as of {bits} bits ({(deep == bits).sum():,} of {len(deep):,}); if they have more or "
        "fewer, give --set depth=, or --set window=LOW..HIGH"
        for bits in found
    ]


def _of_ranges(pools: Sequence[Pool]) -> list[str]:
    known = [narrow(pool) for pool in pools if "image.low" in pool.columns]
    odd, images = sum(int(one.sum()) for one in known), sum(map(len, known))
    if not odd:
        return []
    return [
        f"images of nearly one gray level ({odd:,} of {images:,}), which span fewer than {_NARROW} of 256: blank, or of values "
        "that were meant otherwise (--set depth=, --set window=); fairtune data inspect shows them"
    ]
