"""Which features a net with a last map offers to distillation."""

from __future__ import annotations

from typing import Literal

from fairtune.space import Options, hyperparameter

Tap = Literal["flat", "pooled"]


def tap_option(default: Tap) -> Tap:
    """The option ``tap``: ``flat`` is the last map, flattened; ``pooled`` the vector that the head sees."""
    return hyperparameter(
        default, Options(values=("flat", "pooled")), help="features: the last map, flattened, or the vector that the head sees"
    )
