"""Fair channels: a mask on the channels of a biased net."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from fairtune.methods._ffw import GatedDebiasing
from fairtune.methods._gates import gate_channels


@dataclass
class FairChannels(GatedDebiasing):
    """Finds, by pruning whole channels of the biased baseline, a subnetwork that does not tell the group (structured FFW).

    As ``ffw`` with one gate per output of each convolution and hidden linear layer, which multiplies that output before any
    normalisation: pruned channels can be cut out of the net. Source: R. Nahon et al., ECCV 2024, whose code has the gate but not
    its training; ours is that of ``ffw``. The head is not gated, because its outputs are the classes.
    """

    def install(self, net: nn.Module, temperature: Tensor) -> list[nn.Parameter]:
        """One gate per channel."""
        head = net.head
        assert isinstance(head, nn.Linear)
        return gate_channels(net, head, temperature)
