"""MMD distillation of the features without regard to groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from fairtune.methods._features import FeatureDistilling
from fairtune.methods._mmd import Kernel, all_pairs, gaussian, polynomial, squared_distances
from fairtune.records import Batch


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
    if kernel == "poly":
        tt, ss, ts = all_pairs(polynomial, teacher, student)
    else:
        tt, ss, ts = all_pairs(squared_distances, teacher, student)
        h = sigma**sigma_power * ts.detach().mean()
        tt, ss, ts = gaussian(tt, h), gaussian(ss, h), gaussian(ts, h)
    return tt.mean() + ss.mean() - 2 * ts.mean()


@dataclass
class FeatureDistillation(FeatureDistilling):
    """Distils the baseline's features by MMD without using groups (MFD-K): the ablation of MFD that only distils.

    L = CE + weight / 2 * MMD^2(teacher, student), over the whole batch. Source: S. Jung et al., CVPR 2021, table 4. The paper
    does not say how it samples; ours is plain, and ``ss+mfd_k`` balances. ``protocol`` acts on
    sigma as for ``mfd``.
    """

    term: ClassVar[str] = "mfd_k"

    def discrepancy(self, student: Tensor, teacher: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """Between all of the teacher's and all of the student's."""
        return mfd_k_loss(student, teacher["features"], sigma=self.sigma, sigma_power=self.sigma_power, kernel=self.kernel)
