"""Gaps between groups' mean predictions as a penalty."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from fairtune.methods._base import Progress
from fairtune.methods._comparing import ComparingGroups, Strata, mean_over_pairs, pairs_present
from fairtune.records import Batch, Outputs
from fairtune.space import Options, Real, hyperparameter


def gap_loss(p: Tensor, compared: Strata, *, power: int = 1, strict: bool = False) -> Tensor:
    """Sum over strata of the mean over pairs of groups of 1/2 sum_k |mean_a p_k - mean_b p_k|^power.

    Args:
        p: predicted probabilities ``(B, K)``.
        compared: the groups; a pair with an empty group adds nothing.
        power: 1 or 2.
        strict: NaN as soon as a group is empty, as in the authors' code; the gradient is that of the others.

    Returns:
        A scalar, in [0, S] for power 1; 0 if all groups are predicted alike on average.

    References:
        X. Han et al., "FFB: A Fair Fairness Benchmark for In-Processing Group Fairness Methods", ICLR 2024 (DiffDP, DiffEOdd,
        DiffEOpp), which it equals for two classes and two groups.
    """
    means = compared.means(p)
    differences = (means[:, :, None] - means[:, None, :]).abs().pow(power).sum(-1) / 2
    gaps = mean_over_pairs(differences, pairs_present(compared.size)).sum()
    return gaps + torch.where((compared.size > 0).all(), 0.0, math.nan) if strict else gaps


@dataclass
class Gap(ComparingGroups):
    """Penalises the gap between groups' mean predicted probabilities.

    L = CE + weight * gap: over all samples (``dp``), the sum of the gaps within each class (``eodd``, a sum, so weights do not
    carry over between numbers of classes), or the gap within one class (``eopp``). Source: DiffDP, DiffEOdd, DiffEOpp of X. Han et
    al., ICLR 2024, for two classes and groups, weight 1; cf. C.-Y. Chuang, Y. Mroueh, ICLR 2021. More classes are averaged as total
    variation, more groups over their pairs.

    The gap of a batch is biased upwards, since noise has an absolute value, and its gradient is of constant size near 0: ``power``
    2 softens it. Where we differ: ``fixed`` leaves out pairs of which a batch has one group only; ``official`` is NaN there, so
    that a training with rare cells diverges.
    """

    citation: ClassVar[str] = (
        "X. Han, J. Chi, Y. Chen, Q. Wang, H. Zhao, N. Zou, X. Hu, FFB: A Fair Fairness Benchmark for In-Processing Group Fairness "
        "Methods, ICLR 2024"
    )

    weight: float = hyperparameter(1.0, Real(low=0, log=True), search=Real(low=0.1, high=10, log=True), help="of the gap")
    power: int = hyperparameter(1, Options(values=(1, 2)), help="of the differences")

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The weighted gap."""
        p = student.logits.softmax(1)
        strict = self.context.protocol == "official"
        return {"gap": self.weight * gap_loss(p, self.strata(batch, p.dtype), power=self.power, strict=strict)}
