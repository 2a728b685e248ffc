"""Maximum mean discrepancy of groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from fairtune.methods._comparing import Strata, mean_over_pairs, mean_over_strata, pairs_present
from fairtune.methods._invariance import GroupInvariance, kernel_distances
from fairtune.methods._mmd import squared_distances

_GAMMAS = (1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3)


def mmd_loss(z: Tensor, compared: Strata, *, scale: Tensor | float = 1.0) -> Tensor:
    """Mean over pairs of groups of the squared MMD of their embeddings, over the strata that have a pair their mean.

    The kernel is the sum over g in 1e-3, 1e-2, ..., 1e3 of exp(-g d^2 / scale); diagonals are included.

    Args:
        z: embeddings ``(B, D)``.
        compared: the groups; a pair with an empty group adds nothing.
        scale: of the squared distances, a constant for the gradient.

    References:
        H. Li, S. J. Pan, S. Wang, A. C. Kot, "Domain Generalization with Adversarial Feature Learning", CVPR 2018; the kernel is
        DomainBed's (I. Gulrajani, D. Lopez-Paz, ICLR 2021).
    """
    distances = squared_distances(z, z) / scale
    kernel = torch.stack([torch.exp(-gamma * distances) for gamma in _GAMMAS]).sum(0)
    between = kernel_distances(kernel, compared.member, 1 / compared.size.clamp(min=1))
    pairs = pairs_present(compared.size)
    return mean_over_strata(mean_over_pairs(between, pairs), pairs)


@dataclass
class MMD(GroupInvariance):
    """Makes the groups' embeddings alike in distribution (MMD).

    L = CE + weight * the mean over pairs of groups of their squared maximum mean discrepancy, under a sum of seven Gaussian
    kernels. Source: H. Li et al., CVPR 2018, as DomainBed (I. Gulrajani, D. Lopez-Paz, ICLR 2021) and SubpopBench (Y. Yang et al.,
    ICML 2023) have it; weights 0.1 to 10. Groups whose labels differ are told apart by their labels: ``criterion`` ``eodd``
    compares them within classes, as ``mfd_f`` does against the class.

    Where we differ (``protocol: official`` reproduces it): the authors' bandwidths are fixed, so that most kernels are 0 or 1 on
    embeddings that are not of unit scale; ours are multiples of the mean squared distance of the batch.
    """

    citation: ClassVar[str] = (
        "H. Li, S. J. Pan, S. Wang, A. C. Kot, Domain Generalization with Adversarial Feature Learning, CVPR 2018"
    )
    term: ClassVar[str] = "mmd"

    def distance(self, embedding: Tensor, compared: Strata) -> Tensor:
        """The squared discrepancy."""
        official = self.context.protocol == "official"
        scale = 1.0 if official else squared_distances(embedding, embedding).detach().mean()
        return mmd_loss(embedding, compared, scale=scale)
