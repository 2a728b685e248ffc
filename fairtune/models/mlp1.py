"""The single-layer perceptron of the papers' tables."""

from __future__ import annotations

from typing import ClassVar

from fairtune.models._perceptron import Perceptron
from fairtune.space import Integer, hyperparameter

_WIDTH = 64


class MLP1(Perceptron):
    """One hidden layer with ReLU, on vectors or flattened images; it is the tap.

    Source: Adult and German of R. Ragonesi et al., 2021, whose feature extractor is a single layer of a width that they do not
    publish; ours by default is that of their net for digits.

    Args:
        shape: shape of one input, flattened.
        num_classes: K.
        width: of the hidden layer.
    """

    citation: ClassVar[str] = (
        "R. Ragonesi, R. Volpi, J. Cavazza, V. Murino, Learning Unbiased Representations via Mutual Information "
        "Backpropagation, 2021"
    )

    width: int = hyperparameter(_WIDTH, Integer(low=1, high=65536), help="units of the hidden layer")

    def __init__(self, shape: tuple[int, ...], num_classes: int, *, width: int = _WIDTH) -> None:
        super().__init__(shape, num_classes, (width,))
