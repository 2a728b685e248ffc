"""Mutual information of what a net knows and an attribute: two differentiable estimates of one batch."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_TINY = 1e-15


def normalised_mutual_information(predicted_probabilities: Tensor, b: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mutual information of a head's soft predictions and the attribute it predicts, as a share of its maximum.

    I_n = (1 / ln K) sum_{b, b'} J(b, b') ln(J(b, b') / (J(b) J(b'))), where J(b, b') is the mean over the batch of
    [b_i = b] * p_i(b'). Joint probabilities and products of marginals are at least 1e-15, so an absent value adds nothing and
    never a NaN. Of several attributes, take the mean.

    Args:
        predicted_probabilities: ``(B, K)``, rows that sum to 1, with gradient; K at least 2.
        b: the true attribute ``(B,)``, int64 below K.
        weight: of each sample ``(B,)``, 1 on average; None weighs all alike.

    Returns:
        A scalar in [0, 1] up to rounding; 0 means that predictions say nothing of the attribute, or that the batch holds a single
        sample.

    References:
        R. Nahon, I. L. De Moura Matos, V.-T. Nguyen, E. Tartaglione, "Debiasing Surgeon: Fantastic Weights and How to Find Them",
        ECCV 2024; the floors are those of the authors' code.
    """
    num_values = predicted_probabilities.shape[1]
    member = F.one_hot(b, num_values).to(predicted_probabilities.dtype)
    if weight is not None:
        member = member * weight[:, None]
    joint = (member.T @ predicted_probabilities).clamp(min=_TINY) / len(b)
    product = (joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)).clamp(min=_TINY)
    return (joint * (joint / product).log()).sum() / math.log(num_values)


def mine_lower_bound(joint_scores: Tensor, marginal_scores: Tensor) -> Tensor:
    """Donsker and Varadhan's lower bound of mutual information in nats: mean T(c, z) - ln mean exp T(c', z).

    The logarithm of the mean is computed without overflow; the authors' code of R. Ragonesi et al. takes exp and log one after the
    other.

    Args:
        joint_scores: the statistics network's values on pairs that belong together ``(B,)``.
        marginal_scores: the same with the attribute shuffled ``(B',)``.

    Returns:
        A scalar; 0 for a network that tells nothing apart. Its expectation over independent samples is a lower bound only for a
        large batch: the estimate of the second term is biased downwards, that of the bound upwards.

    References:
        M. I. Belghazi et al., "Mutual Information Neural Estimation", ICML 2018. R. Ragonesi, R. Volpi, J. Cavazza, V. Murino,
        "Learning Unbiased Representations via Mutual Information Backpropagation", 2021.
    """
    log_mean = torch.logsumexp(marginal_scores, 0) - math.log(len(marginal_scores))
    return joint_scores.mean() - log_mean


class Statistics(nn.Module):
    """The statistics network T(c, z) of MINE: hidden layers with leaky ReLU of slope 0.2, one value out.

    Args:
        attribute_size: entries of the attribute's vector.
        embedding_size: D.
        widths: of the hidden layers; 64, 64, 64 for digits and 512, 512, 512 for IMDB in R. Ragonesi et al., 2021.
    """

    def __init__(self, attribute_size: int, embedding_size: int, widths: Sequence[int] = (64, 64, 64)) -> None:
        super().__init__()
        sizes = (attribute_size + embedding_size, *widths, 1)
        self.layers = nn.ModuleList(nn.Linear(fan_in, fan_out) for fan_in, fan_out in itertools.pairwise(sizes))

    def forward(self, c: Tensor, z: Tensor) -> Tensor:
        """Values ``(B,)`` of pairs of an attribute ``(B, E)`` and an embedding ``(B, D)``."""
        hidden = torch.cat([c, z], dim=1)
        *before, last = self.layers
        for layer in before:
            hidden = F.leaky_relu(layer(hidden), 0.2)
        value: Tensor = last(hidden)
        return value.squeeze(1)
