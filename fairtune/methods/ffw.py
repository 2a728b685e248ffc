"""Fair weights: a mask on a biased net."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from fairtune.methods._ffw import GatedDebiasing
from fairtune.methods._gates import gate_weights


@dataclass
class FairWeights(GatedDebiasing):
    """Finds, by pruning single weights of the biased baseline, a subnetwork that does not tell the group (FFW).

    Every weight w of a convolution or linear layer, the head's too, becomes w * min(1, 2 sigmoid(g / temperature)); only the gates
    g learn, from CE + weight * I_n(group; private head), I_n the mutual information as a share of its maximum. Source: R. Nahon,
    I. L. De Moura Matos, V.-T. Nguyen, E. Tartaglione, "Debiasing Surgeon: Fantastic Weights and How to Find Them", ECCV 2024;
    published weight 10.

    Where we differ: the authors draw on a small unbiased training set, and so do we from a set that is made so (``train:
    unbiased``); on any other batches are balanced, so every (label, group) cell must have samples. One private head tells the
    group; theirs are one for each bias. Their evaluation compares the private head with the wrong label, so that temperature and
    mask follow noise; ours uses the group under either protocol. ``fixed`` chooses the mask with the highest accuracy
    above chance on the validation split, discounted by up to half for what the private head knows, ``official`` the lowest
    private accuracy whatever the accuracy.
    """

    def install(self, net: nn.Module, temperature: Tensor) -> list[nn.Parameter]:
        """One gate per weight."""
        return gate_weights(net, temperature)
