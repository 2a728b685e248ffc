"""MMD between each group and its class, without a teacher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from fairtune.methods._features import FeatureMatching
from fairtune.methods._mmd import (
    Kernel,
    all_pairs,
    gaussian_discrepancies,
    membership,
    polynomial_discrepancies,
    squared_distances,
    sums_within,
)
from fairtune.records import Batch
from fairtune.space import Real, hyperparameter


def mfd_f_loss(
    student: Tensor,
    y: Tensor,
    a: Tensor,
    *,
    num_classes: int,
    num_groups: int,
    sigma: float = 1.0,
    kernel: Kernel = "rbf",
) -> Tensor:
    """Mean over groups of the squared MMD between a class's features, held fixed, and each of its cells.

    (1 / A) * sum_{y,a} max(0, MMD^2(S_y, S_ya)), with S_y (all of class y, the cell included) detached. The bandwidth of a cell
    is sigma^2 times the mean squared distance between S_y and S_ya, a constant for the gradient.

    Args:
        student: features ``(B, ...)``, flattened here, with gradient.
        y: labels ``(B,)``.
        a: groups ``(B,)``.
        num_classes: K.
        num_groups: A.
        sigma: scale of the bandwidth, above 0.
        kernel: ``rbf`` or ``poly``, as for :func:`fairtune.methods.mfd.mfd_loss`.

    Returns:
        A scalar; an empty cell adds nothing; 0 if only one group is present.

    References:
        S. Jung et al., CVPR 2021, Lemma 2 and table 4.
    """
    student = student.flatten(1)
    anchor = student.detach()
    member = membership(y, a, num_classes, num_groups, student.dtype)
    if kernel == "poly":
        per_cell = polynomial_discrepancies(anchor, student, member)
    else:
        tt, ss, ts = all_pairs(squared_distances, anchor, student)
        between = sums_within(ts.detach(), member.cell_classes, member.cells) / (member.class_size * member.cell_size)
        per_cell = gaussian_discrepancies(tt, ss, ts, sigma**2 * between.clamp(min=1e-12), member)
    return (member.present * per_cell.clamp(min=0)).sum() / num_groups


@dataclass
class FairFeatures(FeatureMatching):
    """Makes every group's features look like its class's, without a teacher (MFD-F): the ablation of MFD that only is fair.

    L = CE + weight / 2 * (1 / A) sum_{y,a} max(0, MMD^2), on balanced batches. Source: S. Jung et al., CVPR 2021, table 4; paper
    and code agree. The bandwidth follows the net's own features, so that large weights can collapse them (on ``digits`` from 0.3
    on): the range searched goes far below MFD's.
    """

    sampling: ClassVar[Literal["uniform", "balanced"]] = "balanced"
    in_blocks: ClassVar[bool] = True

    term: ClassVar[str] = "mfd_f"

    weight: float = hyperparameter(3.0, Real(low=0, log=True), search=Real(low=0.003, high=30, log=True), help="MMD weight")

    def discrepancy(self, student: Tensor, teacher: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """Between each class and its cells."""
        return mfd_f_loss(
            student,
            batch.y,
            batch.a,
            num_classes=self.context.num_classes,
            num_groups=self.context.num_groups,
            sigma=self.sigma,
            kernel=self.kernel,
        )
