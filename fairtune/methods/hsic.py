"""Hilbert-Schmidt independence criterion of predictions and group as a penalty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from fairtune.methods._base import Progress
from fairtune.methods._comparing import ComparingGroups
from fairtune.methods._mmd import squared_distances
from fairtune.records import Batch, Outputs
from fairtune.space import Options, Real, hyperparameter


def hsic_loss(x: Tensor, codes: Tensor, member: Tensor, *, scale: float | Tensor = 1.0, strict: bool = False) -> Tensor:
    """Sum over strata of tr(K H L H) / (n - 1)^2 with K_ij = exp(-|x_i - x_j|^2 / scale), L_ij = exp(-|c_i - c_j|^2).

    Args:
        x: what must not tell the group ``(B, D)``.
        codes: the groups as vectors ``(B, E)``.
        member: ``(B, S)`` 0/1, which samples are in a stratum; each in one at most.
        scale: of the squared distances; a constant for the gradient.
        strict: NaN for a stratum of one sample, as in the authors' code; otherwise it adds nothing.

    Returns:
        A scalar, at least 0 up to rounding; biased upwards by about 1 / n.

    References:
        A. Gretton, O. Bousquet, A. Smola, B. Schölkopf, "Measuring Statistical Dependence with Hilbert-Schmidt Norms", ALT 2005.
    """
    size = member.sum(0)
    same = member @ member.T
    k = torch.exp(-squared_distances(x, x) / scale) * same
    share = member @ (1 / size.clamp(min=1))
    row = k.sum(1) * share
    grand = member @ ((member.T @ row) / size.clamp(min=1))
    centred = (k - row[:, None] - row[None, :] + grand[:, None]) * same
    degrees = size - 1 if strict else (size - 1).clamp(min=1)
    l = torch.exp(-squared_distances(codes, codes))  # noqa: E741  # the field's letter
    within = (centred * l).sum(1)
    return (torch.einsum("b,bs->s", within, member) / degrees.square()).sum()


@dataclass
class HSIC(ComparingGroups):
    """Penalises the dependence of predictions, or of the embedding, and group (HSIC).

    L = CE + weight * sum over strata of HSIC, with Gaussian kernels. Source: A. Gretton et al., ALT 2005; as a penalty A.
    Pérez-Suay et al., ECML 2017; as in the FFB benchmark (X. Han et al., ICLR 2024): of probabilities, distances unscaled, two
    groups coded as 0 and 1. Ours are the embedding, whose distances are divided by their median, more classes and groups (one-hot),
    and the criteria within classes. Values are about 1e-3 for probabilities, hence the range of weights.

    Where we differ: a stratum of a single sample adds nothing; ``official`` is NaN there.
    """

    citation: ClassVar[str] = (
        "A. Gretton, O. Bousquet, A. Smola, B. Schölkopf, Measuring Statistical Dependence with Hilbert-Schmidt Norms, ALT 2005"
    )

    weight: float = hyperparameter(100.0, Real(low=0, log=True), search=Real(low=1, high=1e4, log=True), help="of the dependence")
    of: str = hyperparameter("predictions", Options(values=("predictions", "embedding")), help="what must not depend on the group")

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The weighted dependence."""
        x, scale = self._compared(student)
        codes = F.one_hot(batch.a, self.context.num_groups).to(x.dtype)
        codes = codes[:, 1:] if self.context.num_groups == 2 else codes
        member = self.strata(batch, x.dtype).member.sum(2)
        strict = self.context.protocol == "official"
        return {"hsic": self.weight * hsic_loss(x, codes, member, scale=scale, strict=strict)}

    def _compared(self, student: Outputs) -> tuple[Tensor, Tensor | float]:
        """What is compared, and the scale of its distances."""
        if self.of == "predictions":
            p = student.logits.softmax(1)
            return (p[:, 1:] if self.context.num_classes == 2 else p), 1.0
        assert student.embedding is not None
        distances = squared_distances(student.embedding, student.embedding)
        return student.embedding, distances.detach().median()
