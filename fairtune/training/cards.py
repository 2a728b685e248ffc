"""GPUs by name: what their makers say of them."""

from __future__ import annotations

from typing import NamedTuple

from fairtune.errors import InvalidInput, unknown_name
from fairtune.spec import Precision


class Card(NamedTuple):
    """A GPU.

    Attributes:
        name: as on the command line.
        bf16: peak of dense matrix products in bfloat16, TFLOP/s; None where it cannot.
        fp32: peak in float32 without TF32, TFLOP/s.
        gib: memory.
    """

    name: str
    bf16: float | None
    fp32: float
    gib: float

    def peak(self, precision: Precision) -> float:
        """Peak in a precision, FLOP/s.

        Raises:
            InvalidInput: the card cannot.
        """
        tflops = self.bf16 if precision == "bf16" else self.fp32 / 2 if precision == "float64" else self.fp32
        if tflops is None:
            raise InvalidInput(f"--on {self.name}: it does not multiply bfloat16: give --precision fp32")
        return tflops * 1e12


CARDS = {
    card.name: card
    for card in (
        Card("a100", 312.0, 19.5, 40.0),
        Card("a100-80", 312.0, 19.5, 80.0),
        Card("a10g", 70.0, 31.5, 24.0),
        Card("h100", 989.0, 67.0, 80.0),
        Card("l4", 121.0, 30.3, 24.0),
        Card("t4", None, 8.1, 16.0),
    )
}
"""Dense peaks, of the boards with the fastest link (SXM) where there are several; docs/gpu.md says which were looked up again."""


def find_card(name: str | None, *, tflops: float | None = None, gib: float | None = None) -> Card:
    """The card of a name, or one described by its peak and its memory.

    Args:
        name: of a known card, or what to call another.
        tflops: its peak in the precision of the training, TFLOP/s; in place of what is known.
        gib: its memory; likewise.

    Raises:
        InvalidInput: the card is not known, and not described.
    """
    known = CARDS.get(name or "")
    if known is None and (tflops is None or gib is None):
        unknown = unknown_name("card", name, CARDS) if name else "--peak-tflops and --memory-gib describe a card together"
        raise InvalidInput(f"--on: {unknown}; for another card give --peak-tflops and --memory-gib")
    base = known or Card(name or "other", None, 0.0, 0.0)
    return Card(base.name, *((base.bf16, base.fp32) if tflops is None else (tflops, tflops)), base.gib if gib is None else gib)
