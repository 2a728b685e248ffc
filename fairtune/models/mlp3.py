"""The three-layer perceptron of the papers."""

from __future__ import annotations

from typing import ClassVar

from fairtune.models._perceptron import Perceptron


class MLP3(Perceptron):
    """Three hidden layers of 100 with ReLU, on vectors or flattened images (256,510 parameters at 28x28 RGB, 10 classes).

    The third is the tap. Source: Multi-Color MNIST of Z. Li et al. (DebiAN), ECCV 2022, and of FFW, whose code attaches its probe
    to the first layer instead, by mistake.

    Args:
        shape: shape of one input, flattened.
        num_classes: K.
    """

    citation: ClassVar[str] = (
        "Z. Li, A. Hoogs, C. Xu, Discover and Mitigate Unknown Biases with Debiasing Alternate Networks, ECCV 2022"
    )

    def __init__(self, shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__(shape, num_classes, (100, 100, 100))
