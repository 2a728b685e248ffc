"""Attention transfer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from fairtune.methods._maps import MapTransfer
from fairtune.space import Real, hyperparameter


def attention(maps: Tensor) -> Tensor:
    """Where a net looks: the mean square over channels, normalised over positions.

    Args:
        maps: ``(B, C, h, w)``.

    Returns:
        ``(B, h * w)`` of unit L2 norm; 0 where the whole map is 0.
    """
    return F.normalize(maps.square().mean(1).flatten(1), eps=1e-12)


def at_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Half the mean squared difference of two attention maps, over all their elements.

    Args:
        student: maps ``(B, C, h, w)``, with gradient.
        teacher: :func:`attention` of the teacher's maps ``(B, h * w)``, without gradient.

    References:
        S. Zagoruyko, N. Komodakis, "Paying More Attention to Attention", ICLR 2017, as implemented by S. Jung et al., CVPR 2021: a
        mean over elements in place of the norm per sample, so that the term shrinks as maps grow.
    """
    return (attention(student) - teacher.detach()).square().mean() / 2


@dataclass
class AttentionTransfer(MapTransfer):
    """Makes the student look where the baseline looks (AT); improves accuracy, not fairness.

    L = CE + weight * 1/2 mean (A(f^S) - A(f^T))^2 on the map of the last convolution. The mean runs over samples and positions,
    so weights do not carry over between models with maps of other sizes; larger maps want larger ones. Source: S. Zagoruyko, N.
    Komodakis, ICLR 2017, as trained by S. Jung et al., CVPR 2021; paper and code agree. Published weights: 1 (CIFAR-10S, CelebA),
    30 (UTKFace).
    """

    term: ClassVar[str] = "at"
    kept: ClassVar[str] = "attention"
    read: ClassVar[Callable[[Tensor], Tensor]] = attention
    compare: ClassVar[Callable[[Tensor, Tensor], Tensor]] = at_loss

    weight: float = hyperparameter(1.0, Real(low=0, log=True), search=Real(low=0.1, high=1000, log=True), help="AT weight")
