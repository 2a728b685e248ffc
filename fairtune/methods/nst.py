"""Neuron selectivity transfer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from fairtune.methods._maps import MapTransfer
from fairtune.space import Real, hyperparameter


def selectivity(maps: Tensor) -> Tensor:
    """Which positions a net's channels respond to together: the Gram matrix of positions, its channels normalised.

    Args:
        maps: ``(B, C, ...)``, the channels' responses over positions.

    Returns:
        ``(B, P, P)`` for P positions: (1 / C) * sum_c u_c u_c', u_c the responses of channel c over positions at unit L2 norm.
    """
    channels = F.normalize(maps.flatten(2) if maps.dim() > 2 else maps.unsqueeze(2), dim=2, eps=1e-12)
    return channels.transpose(1, 2) @ channels / maps.shape[1]


def nst_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared MMD between the normalised channels of student and teacher with the kernel (u.v)^2, the mean over samples.

    The sum over all pairs of channels of (u.v)^2 is the squared Frobenius product of their Gram matrices over positions, so
    the discrepancy is |G(student) - G(teacher)|^2: no ``B x C x C`` kernel is formed, still less the ``B x C x C x h x w`` tensor
    of the authors' code (4.8 GB for ResNet18).

    Args:
        student: maps ``(B, C, h, w)``, with gradient.
        teacher: :func:`selectivity` of the teacher's maps ``(B, P, P)``, without gradient.

    References:
        Z. Huang, N. Wang, "Like What You Like: Knowledge Distill via Neuron Selectivity Transfer", 2017, eq. (9).
    """
    return (selectivity(student) - teacher.detach()).square().sum((1, 2)).mean()


@dataclass
class NeuronSelectivityTransfer(MapTransfer):
    """Makes the student's channels respond where the baseline's do (NST); improves accuracy, not fairness.

    L = CE + weight * MMD^2 of the channels of the last convolution's map, each normalised over its positions, with a polynomial
    kernel. Source: Z. Huang, N. Wang, 2017, as trained by S. Jung et al., CVPR 2021. Published weights: 30 (CIFAR-10S), 3
    (UTKFace).

    Where we differ: the authors' code compares the features that MFD uses. On CIFAR-10S they are a vector, whose channels have
    one position and are +-1 once normalised, so its gradient is zero and the published row is plain training. Ours always
    takes the map, under either protocol.
    """

    term: ClassVar[str] = "nst"
    kept: ClassVar[str] = "selectivity"
    read: ClassVar[Callable[[Tensor], Tensor]] = selectivity
    compare: ClassVar[Callable[[Tensor, Tensor], Tensor]] = nst_loss

    weight: float = hyperparameter(30.0, Real(low=0, log=True), search=Real(low=0.3, high=300, log=True), help="NST weight")
