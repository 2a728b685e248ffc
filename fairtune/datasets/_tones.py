"""From the values that a camera or a scanner gives, of up to 16 bits, to gray levels of eight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fairtune.errors import InvalidInput
from fairtune.records import Array, Bytes

DEPTHS = (8, 10, 12, 14, 16)
_SURVEYED = 256


@dataclass(frozen=True)
class Tones:
    """How values become gray levels from 0 to 255.

    Attributes:
        depth: bits that values kept in 16 bits really have; None for 16, but refuse images that seem to have fewer.
        window: the values that become black and white; what is beyond them too. None for all that the depth has.
    """

    depth: int | None = 16
    window: tuple[float, float] | None = None

    @property
    def bits(self) -> int:
        """That values kept in 16 bits are taken to have; 8 where a window says which of them count."""
        return 8 if self.window is not None else self.depth or 16

    def levels(self, values: Array) -> Bytes:
        """Values of whatever type as uint8.

        Raises:
            OSError: they do not fit the depth, or have none.
        """
        if self.window is not None:
            low, high = self.window
            return ((values.astype(np.float32) - low) * (255 / (high - low))).round().clip(0, 255).astype(np.uint8)
        if values.dtype == np.uint8:
            return values
        if values.dtype != np.uint16:
            raise OSError(f"its values are {values.dtype}: give --set window=LOW..HIGH, or save it with 8 or 16 bits a channel")
        depth, largest = self.depth or 16, int(values.max(initial=0))
        if self.depth is None and largest and depth_of(largest) < 16:
            raise OSError(
                f"its 16-bit values reach {largest:,}: say how many bits they have, --set depth={depth_of(largest)} or 16"
            )
        if largest >> depth:
            raise OSError(f"its values reach {largest:,}, beyond {depth} bits: give --set depth={depth_of(largest)}")
        return (values >> (depth - 8)).astype(np.uint8)


SIXTEEN_BITS = Tones()


def depth_of(largest: int) -> int:
    """The smallest usual depth that has a value."""
    return next(depth for depth in DEPTHS if largest < 2**depth)


def read_window(text: str) -> tuple[float, float] | None:
    """``-100..300`` as two numbers; None for no text.

    Raises:
        InvalidInput: it cannot be read.
    """
    if not text:
        return None
    low, _, high = text.partition("..")
    try:
        window = float(low), float(high)
    except ValueError:
        window = (0.0, 0.0)
    if not window[0] < window[1] < np.inf:
        raise InvalidInput(f"--set window={text}: give the values that become black and white, as window=0..4095")
    return window


def found_depth(rows: int, values: Callable[[int], Array | None]) -> int | None:
    """The depth of images kept in 16 bits, by the largest value in a sample of them.

    Args:
        rows: how many images there are.
        values: of one of them, None where it is not kept in 16 bits.

    Returns:
        None if none of the sample is kept in 16 bits.
    """
    sample = np.unique(np.linspace(0, rows - 1, min(rows, _SURVEYED)).round().astype(int))
    largest = [int(found.max(initial=0)) for row in sample if (found := values(int(row))) is not None]
    return depth_of(max(largest)) if largest else None
