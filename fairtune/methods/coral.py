"""Correlation alignment of groups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from fairtune.methods._comparing import Strata, mean_over_pairs, mean_over_strata, pairs_present
from fairtune.methods._invariance import GroupInvariance, kernel_distances


def coral_loss(z: Tensor, compared: Strata, *, strict: bool = False) -> Tensor:
    """Mean over pairs of groups of the mean squared differences of their means and of their covariances.

    (1/D) |mu_a - mu_b|^2 + (1/D^2) |S_a - S_b|^2, S unbiased; over the strata that have a pair, their mean. The second is an inner
    product of centred samples, squared, so that no D x D matrix is built.

    Args:
        z: embeddings ``(B, D)``.
        compared: the groups.
        strict: NaN where a group has a single sample, as in the authors' code; otherwise its covariance is not compared.

    References:
        B. Sun, K. Saenko, "Deep CORAL: Correlation Alignment for Deep Domain Adaptation", ECCV 2016 workshops; I. Gulrajani,
        D. Lopez-Paz, "In Search of Lost Domain Generalization", ICLR 2021 (the means, and the division by D^2 without 4).
    """
    member, size = compared
    means = compared.means(z)
    centred = z - torch.einsum("bsa,sad->bd", member, means)
    covariances = kernel_distances((centred @ centred.T).square(), member, 1 / (size - 1).clamp(min=1))
    of_means = (means[:, :, None] - means[:, None, :]).square().mean(-1)
    pairs = pairs_present(size)
    distances = of_means + covariances / z.shape[1] ** 2 * pairs_present(size, 2)
    loss = mean_over_strata(mean_over_pairs(distances, pairs), pairs)
    return loss + torch.where((size == 1).any() & (pairs.sum() > 0), math.nan, 0.0) if strict else loss


@dataclass
class Coral(GroupInvariance):
    """Aligns means and covariances of the groups' embeddings (CORAL).

    L = CE + weight * the mean over pairs of groups of mean (mu_a - mu_b)^2 + mean (S_a - S_b)^2. Source: B. Sun, K. Saenko, 2016,
    who align covariances alone, as DomainBed (I. Gulrajani, D. Lopez-Paz, ICLR 2021) and SubpopBench (Y. Yang et al., ICML 2023)
    have it; weights 0.1 to 10. Groups whose labels differ are told apart by their labels: ``criterion`` ``eodd`` aligns them within
    classes.

    Where we differ: of a group with a single sample only the mean is aligned; ``official`` is NaN there.
    """

    citation: ClassVar[str] = "B. Sun, K. Saenko, Deep CORAL: Correlation Alignment for Deep Domain Adaptation, ECCV Workshops 2016"
    term: ClassVar[str] = "coral"

    def distance(self, embedding: Tensor, compared: Strata) -> Tensor:
        """Of means and covariances."""
        return coral_loss(embedding, compared, strict=self.context.protocol == "official")
