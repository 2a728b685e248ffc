"""Relative gaps of groups' rates as a penalty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from fairtune.methods._base import Method, Progress, Protocol, Within
from fairtune.records import Batch, Outputs
from fairtune.space import Options, Real, hyperparameter


def fairret_loss(
    p: Tensor, y: Tensor, a: Tensor, *, num_groups: int, statistic: str = "pr", norm: str = "1", strict: bool = False
) -> Tensor:
    """Mean over classes of how far the groups' rates are from the whole batch's: v_a = |rate_a / rate - 1|.

    Of two classes the second one alone counts, of more each against the rest.

    Args:
        p: predicted probabilities ``(B, K)``.
        y: labels ``(B,)``.
        a: groups ``(B,)``.
        num_groups: A.
        statistic: ``pr``, mean probability of the class; ``tpr``, that of its samples; ``fpr``, that of the others'.
        norm: ``1`` or ``2``, (sum_a v_a^q)^(1/q), or ``lse``, log mean_a exp v_a.
        strict: a group without such samples has rate 0, so v_a = 1, as in the authors' code; otherwise it is left out.

    References:
        M. Buyl, M. Defrance, T. De Bie, "fairret: a Framework for Differentiable Fairness Regularization Terms", ICLR 2024.
    """
    own = F.one_hot(y, p.shape[1]).to(p.dtype)
    counted = {"pr": torch.ones_like(p), "tpr": own, "fpr": 1 - own}[statistic]
    first = 1 if p.shape[1] == 2 else 0
    p, counted = p[:, first:], counted[:, first:]
    member = F.one_hot(a, num_groups).to(p.dtype).T
    rates = member @ (counted * p) / (member @ counted).clamp(min=1)
    overall = (counted * p).sum(0) / counted.sum(0).clamp(min=1)
    present = torch.ones_like(rates) if strict else ((member @ counted) > 0).to(p.dtype)
    v = present * (rates / overall.clamp(min=torch.finfo(p.dtype).eps) - 1).abs() * (overall > 0)
    if norm != "lse":
        norms: Tensor = torch.linalg.vector_norm(v, float(norm), dim=0)
        return norms.mean()
    exponents = v.masked_fill((present == 0) & present.any(0), -torch.inf)
    return (exponents.logsumexp(0) - torch.where(present.any(0), present.sum(0), float(num_groups)).log()).mean()


@dataclass
class Fairret(Method):
    """Penalises how far groups' rates are from the overall one, as a share of it (fairret).

    L = CE + weight * norm of v_a = |rate_a / rate - 1|, rates of predicted probabilities. Source: M. Buyl, M. Defrance, T. De Bie,
    ICLR 2024, NormLoss and LSELoss; more than two classes are ours. Relative gaps explode where the overall rate is small.

    Where we differ: ``fixed`` leaves out groups without a sample to be counted; under ``official`` each adds a constant 1.
    """

    citation: ClassVar[str] = (
        "M. Buyl, M. Defrance, T. De Bie, fairret: a Framework for Differentiable Fairness Regularization Terms, ICLR 2024"
    )

    weight: float = hyperparameter(0.1, Real(low=0, log=True), search=Real(low=1e-3, high=10, log=True), help="of the gaps")
    statistic: str = hyperparameter("tpr", Options(values=("pr", "tpr", "fpr")), help="rate that is compared")
    norm: str = hyperparameter("1", Options(values=("1", "2", "lse")), help="of the groups' gaps")

    def acts_within(self, protocol: Protocol) -> tuple[Within, ...]:
        """Groups within classes where rates are of a class's samples; those of the others' (``fpr``) are of several classes."""
        return ("groups within classes",) if self.statistic == "tpr" else ()

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The weighted norm."""
        gaps = fairret_loss(
            student.logits.softmax(1),
            batch.y,
            batch.a,
            num_groups=self.context.num_groups,
            statistic=self.statistic,
            norm=self.norm,
            strict=self.context.protocol == "official",
        )
        return {"fairret": self.weight * gaps}
