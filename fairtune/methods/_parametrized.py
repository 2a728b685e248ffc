"""What torch keeps of a layer whose tensors are computed from others."""

from __future__ import annotations

from torch import nn
from torch.nn.utils import parametrize


def parametrizations_of(layer: nn.Module) -> dict[str, parametrize.ParametrizationList]:
    """The parametrisations of a layer's tensors by name; none of a layer as it is."""
    if not parametrize.is_parametrized(layer):
        return {}
    found = layer.parametrizations
    assert isinstance(found, nn.ModuleDict)
    return {name: own for name, own in found.items() if isinstance(own, parametrize.ParametrizationList)}
