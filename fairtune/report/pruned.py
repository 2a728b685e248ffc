"""Which layers a pruned net has lost its weights in (R. Nahon et al., ECCV 2024, figure 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from torch import nn

from fairtune.report.chart import Axis, Bars, Chart, Mark, Text


class Layer(NamedTuple):
    """A convolution or a linear layer.

    Attributes:
        name: of the layer, such as ``pairs.0.first``.
        weights: how many it has, biases not counted.
        pruned: how many of them are 0.
    """

    name: str
    weights: int
    pruned: int


def layers_of(net: nn.Module) -> list[Layer]:
    """The convolutions and linear layers of a net, in its order."""
    found = ((name, module.weight) for name, module in net.named_modules() if isinstance(module, nn.Conv2d | nn.Linear))
    return [Layer(name, weight.numel(), int((weight == 0).sum())) for name, weight in found]


def pruned_charts(layers: Sequence[Layer], net: str = "the net") -> list[Chart]:
    """Two: how many weights of each layer are pruned, and which share.

    Args:
        layers: in the order of the net, at least one.
        net: what the net is, such as ``trial 3``.
    """
    axis, places = Axis(names=tuple(layer.name for layer in layers)), range(len(layers))
    shares = [layer.pruned / layer.weights for layer in layers]
    weights, pruned = sum(layer.weights for layer in layers), sum(layer.pruned for layer in layers)
    most = max(places, key=shares.__getitem__)
    alt = (
        f"{pruned:,} of {weights:,} weights of {net} are pruned, {pruned / weights:.1%}; the largest share in {layers[most].name}, "
        f"{shares[most]:.1%}."
    )
    table = pd.DataFrame([layer._asdict() | {"share": share} for layer, share in zip(layers, shares, strict=True)])
    every = Bars([layer.weights for layer in layers], "line", "all")
    own = Bars([layer.pruned for layer in layers], "method0", "pruned")
    said = [Text(shares[place] + 0.02, place, f"{shares[place]:.1%}", "left") for place in places]
    part: list[Mark] = [Bars(shares, "method0"), *said]
    return [
        Chart("pruned-weights", f"pruned weights, {net}", Axis("weights", low=0.0), axis, [every, own], alt, table),
        Chart("pruned-share", f"share of each layer pruned, {net}", Axis("share", low=0.0, high=1.15), axis, part, alt, table),
    ]
