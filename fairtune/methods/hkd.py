"""Hinton's knowledge distillation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from fairtune.methods._base import Method, Progress
from fairtune.records import Batch, Outputs
from fairtune.space import Options, Real, hyperparameter

_START, _END = 4.0, 1.0


def hkd_loss(student: Tensor, teacher: Tensor, *, temperature: float) -> Tensor:
    """KL divergence from the teacher's softened predictions to the student's.

    T^2 * mean_i sum_c p^T_ic (log p^T_ic - log p^S_ic), with p = softmax(z / T).

    Args:
        student: logits ``(B, K)``.
        teacher: logits ``(B, K)``, without gradient.
        temperature: T, above 0.

    Returns:
        A scalar, 0 when both predict alike.

    References:
        G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural Network", 2015.
    """
    log_student = F.log_softmax(student / temperature, dim=1)
    log_teacher = F.log_softmax(teacher.detach() / temperature, dim=1)
    return F.kl_div(log_student, log_teacher, reduction="batchmean", log_target=True) * temperature**2


def annealed_weight(weight: float, progress: Progress, *, official: bool) -> float:
    """The distillation weight, falling linearly from ``weight`` in the first epoch.

    By default it ends at a quarter of its start, which is 4 to 1 for the authors' weight and never negative. Their code
    subtracts 3 in all whatever the start, so any weight below 3 ends negative and distils away from the teacher.
    """
    drop = (_START - _END) if official else weight * (1 - _END / _START)
    return weight - drop * progress.fraction


@dataclass
class HintonDistillation(Method):
    """Distils the baseline's softened predictions into the student (HKD); improves accuracy, not fairness.

    L = CE + w(epoch) * T^2 * KL(p^T || p^S), with w annealed linearly. Source: G. Hinton et al. 2015, as trained by S. Jung
    et al., CVPR 2021. ``protocol: official`` anneals as the authors' code does, see :func:`annealed_weight`.
    """

    citation: ClassVar[str] = "G. Hinton, O. Vinyals, J. Dean, Distilling the Knowledge in a Neural Network, 2015"

    needs_teacher: ClassVar[bool] = True
    per_sample: ClassVar[bool] = True

    weight: float = hyperparameter(4.0, Real(low=0, log=True), search=Real(low=0.4, high=40, log=True), help="distillation weight")
    temperature: float = hyperparameter(
        3.0, Real(low=0.1, high=100, log=True), search=Options(values=(1.0, 3.0, 5.0, 10.0)), help="softens both predictions"
    )
    annealing: str = hyperparameter("linear", Options(values=("linear", "none")), help="fall of the weight over the epochs")

    def from_teacher(self, teacher: Outputs) -> dict[str, Tensor]:
        """The logits."""
        return {"logits": teacher.logits}

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The weighted term."""
        weight = self.weight
        if self.annealing == "linear":
            weight = annealed_weight(weight, progress, official=self.context.protocol == "official")
        return {"hkd": weight * hkd_loss(student.logits, teacher["logits"], temperature=self.temperature)}
