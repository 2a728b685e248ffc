"""MMD distillation of the features without regard to groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from fairtune.methods._base import Method, Progress
from fairtune.methods._mmd import gaussian, polynomial, squared_distances
from fairtune.methods.mfd import Kernel
from fairtune.records import Batch, Outputs
from fairtune.space import Options, Real, hyperparameter


def mfd_k_loss(
    student: Tensor, teacher: Tensor, *, sigma: float = 1.0, sigma_power: Literal[1, 2] = 2, kernel: Kernel = "rbf"
) -> Tensor:
    """Squared MMD between all of the teacher's and all of the student's features of a batch.

    Args:
        student: features ``(B, ...)``, flattened here, with gradient.
        teacher: features of the same shape, without gradient.
        sigma, sigma_power, kernel: as for :func:`fairtune.methods.mfd.mfd_loss`.

    Returns:
        A scalar, 0 when both are distributed alike.
    """
    student, teacher = student.flatten(1), teacher.detach().flatten(1)
    pairs = ((teacher, teacher), (student, student), (teacher, student))
    if kernel == "poly":
        tt, ss, ts = (polynomial(u, v) for u, v in pairs)
        return tt.mean() + ss.mean() - 2 * ts.mean()
    tt, ss, ts = (squared_distances(u, v) for u, v in pairs)
    h = sigma**sigma_power * ts.detach().mean()
    return gaussian(tt, h).mean() + gaussian(ss, h).mean() - 2 * gaussian(ts, h).mean()


@dataclass
class FeatureDistillation(Method):
    """Distils the baseline's features by MMD without using groups (MFD-K): the ablation of MFD that only distils.

    L = CE + weight / 2 * MMD^2(teacher, student), over the whole batch. Source: S. Jung et al., CVPR 2021, table 4. The paper
    does not say how it samples; ours is plain, and ``ss+mfd_k`` balances. ``protocol`` acts on
    sigma as for ``mfd``.
    """

    needs_teacher: ClassVar[bool] = True

    weight: float = hyperparameter(3.0, Real(low=0, log=True), search=Real(low=0.1, high=30, log=True), help="MMD weight")
    sigma: float = hyperparameter(1.0, Real(low=0.01, high=100, log=True), help="scale of the kernel's bandwidth")
    kernel: str = hyperparameter("rbf", Options(values=("rbf", "poly")), help="kernel of the MMD")

    def from_teacher(self, teacher: Outputs) -> dict[str, Tensor]:
        """The features."""
        return {"features": teacher.features}

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The weighted term."""
        discrepancy = mfd_k_loss(
            student.features,
            teacher["features"],
            sigma=self.sigma,
            kernel=self.kernel,  # type: ignore[arg-type]
            sigma_power=1 if self.context.protocol == "official" else 2,
        )
        return {"mfd_k": self.weight / 2 * discrepancy}
