"""A plain multi-layer perceptron."""

from __future__ import annotations

from fairtune.models._perceptron import Perceptron


class MLP(Perceptron):
    """Two hidden layers of 256 and 128 with ReLU, on vectors or flattened images; the second is the tap.

    Args:
        shape: shape of one input, flattened.
        num_classes: K.
    """

    def __init__(self, shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__(shape, num_classes, (256, 128))
