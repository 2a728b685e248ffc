"""Five fairness losses estimated on a batch, after T. Hänel et al., "Enhancing Fairness of Visual Attribute Predictors", ACCV 2022.

All take predicted probabilities, so that they have a gradient, and are sums and products of one-hot matrices: no loop over cells.

Two estimates of each. ``strict=False`` lets an empty group, class or cell contribute nothing and compares what is there.
``strict=True`` is the authors' code: one empty cell makes the whole term a constant 0 (which ones count differs from term to
term), so that with rare cells many batches are trained without the term.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from fairtune.methods._base import Method, Progress, Protocol, Within
from fairtune.records import Batch, Outputs
from fairtune.space import Options, Real, hyperparameter


class Members(NamedTuple):
    """Which samples belong to which class, group and cell.

    Attributes:
        y: ``(B, K)`` 0/1.
        a: ``(B, A)`` 0/1.
        cells: ``(B, A, K)`` 0/1.
    """

    y: Tensor
    a: Tensor
    cells: Tensor


Measure = Callable[[Tensor, Members, bool], Tensor]


def members(y: Tensor, a: Tensor, num_classes: int, num_groups: int, dtype: torch.dtype) -> Members:
    """One-hot matrices of a batch; ``y`` and ``a`` are ``(B,)``."""
    classes, groups = F.one_hot(y, num_classes).to(dtype), F.one_hot(a, num_groups).to(dtype)
    return Members(classes, groups, groups[:, :, None] * classes[:, None, :])


def dp_l2(p: Tensor, member: Members, strict: bool) -> Tensor:
    """Demographic parity: sum over groups b and predictions j of (P(j | b) - P(j))^2.

    Args:
        p: predicted probabilities ``(B, K)``.
        member: the batch's members.
        strict: 0 as soon as a group is empty.
    """
    size = member.a.sum(0)
    spread = (_means(member.a, p, size) - p.mean(0)).square().sum(-1)
    return _over_present(spread, size > 0, strict)


def eo_l2(p: Tensor, member: Members, strict: bool) -> Tensor:
    """Equalized odds: sum over labels y, groups b and predictions j of (P(j | y, b) - P(j | y))^2.

    Args:
        p: predicted probabilities ``(B, K)``.
        member: the batch's members.
        strict: 0 as soon as a cell is empty.
    """
    cells = member.cells.flatten(1)
    size = cells.sum(0)
    of_class = _means(member.y, p, member.y.sum(0)).repeat(member.a.shape[1], 1)
    spread = (_means(cells, p, size) - of_class).square().sum(-1)
    return _over_present(spread, size > 0, strict)


def dp_mi(p: Tensor, member: Members, strict: bool) -> Tensor:
    """Demographic parity: mutual information of group and prediction, in nats; never lacks a cell.

    Args:
        p: predicted probabilities ``(B, K)``.
        member: the batch's members.
        strict: without effect here.
    """
    return _mutual_information(member.a.T @ p / len(p))


def eo_mi(p: Tensor, member: Members, strict: bool) -> Tensor:
    """Equalized odds: sum over labels of the mutual information of group and prediction within the label, in nats.

    Args:
        p: predicted probabilities ``(B, K)``.
        member: the batch's members.
        strict: 0 as soon as a class is empty; empty cells never matter.
    """
    size = member.y.sum(0)
    joint = torch.einsum("bak,bj->kaj", member.cells, p) / size.clamp(min=1)[:, None, None]
    return _over_present(_mutual_information(joint), size > 0, strict)


def iou(p: Tensor, member: Members, strict: bool) -> Tensor:
    """Squared differences of each group's soft intersection over union and that of the whole batch.

    IOU = mean over classes j of C_jj / (sum_k C_jk + sum_k C_kj - C_jj), C_jk = sum over samples of class k of p_j. The paper's
    eq. (12) adds the groups up, which we do; the authors' code, whose weights were published, takes their mean (``strict``).

    Args:
        p: predicted probabilities ``(B, K)``.
        member: the batch's members.
        strict: the mean over groups; 0 as soon as a group is empty, and a class absent from a group counts as an IOU of 0.
            Otherwise a group is compared on the classes it has.
    """
    present = member.a.sum(0) > 0
    groups = _ious(p, member.cells, strict)
    whole = _ious(p, member.y[:, None, :], strict)
    if strict:
        return _over_present((groups.mean(1) - whole.mean(1)).square(), present, strict) / len(present)
    has = (member.cells.sum(0) > 0).to(p.dtype)
    difference = ((groups - whole) * has).sum(1) / has.sum(1).clamp(min=1)
    return _over_present(difference.square(), present, strict)


def iou_paired(p: Tensor, member: Members, strict: bool) -> Tensor:
    """Mean over pairs of groups of the squared difference of their soft intersections over union (see :func:`iou`).

    Args:
        p: predicted probabilities ``(B, K)``.
        member: the batch's members.
        strict: 0 as soon as a group is empty, and a class absent from a group counts as an IOU of 0. Otherwise two groups are
            compared on the classes that both have.
    """
    present = member.a.sum(0) > 0
    groups = _ious(p, member.cells, strict)
    first, second = torch.triu_indices(len(present), len(present), 1, device=p.device).unbind(0)
    both = present[first] & present[second]
    if strict:
        paired = (groups.mean(1)[first] - groups.mean(1)[second]).square()
        return _over_present(paired, both, strict) / len(both)
    has = (member.cells.sum(0) > 0).to(p.dtype)
    shared = has[first] * has[second]
    difference = ((groups[first] - groups[second]) * shared).sum(1) / shared.sum(1).clamp(min=1)
    return _over_present(difference.square(), both, strict) / both.sum().clamp(min=1)


def _means(sets: Tensor, p: Tensor, size: Tensor) -> Tensor:
    """Mean prediction of each set ``(S, K)``; 0 where it is empty."""
    return sets.T @ p / size.clamp(min=1)[:, None]


def _over_present(terms: Tensor, present: Tensor, strict: bool) -> Tensor:
    """Sum of the terms of the sets that are present; ``strict``: 0 unless all are."""
    return torch.where(present & (present.all() if strict else present), terms, 0.0).sum()


def _mutual_information(joint: Tensor) -> Tensor:
    """Mutual information in nats of joint distributions ``(..., A, K)``; zero entries count for nothing."""
    return _entropy(joint.sum(-1)) + _entropy(joint.sum(-2)) - _entropy(joint.flatten(-2))


def _entropy(p: Tensor) -> Tensor:
    return -(p * p.clamp(min=torch.finfo(p.dtype).tiny).log()).sum(-1)


def _ious(p: Tensor, sets: Tensor, strict: bool) -> Tensor:
    """Soft intersection over union ``(S, K)`` of each class in each set, 0 in an empty one; ``sets`` is ``(B, S, K)``."""
    inside = torch.einsum("bsk,bk->sk", sets, p)
    member = sets.sum(2)
    union = member.T @ p + sets.sum(0) - inside
    if not strict:
        union = union.clamp(min=torch.finfo(p.dtype).tiny)
    return inside / torch.where(member.any(0)[:, None], union, 1.0)


_WITHIN_CLASSES: Mapping[Measure, tuple[Protocol, ...]] = {
    eo_l2: ("fixed", "official"),
    eo_mi: ("fixed", "official"),
    iou_paired: ("fixed",),
}
"""Under which protocols a measure compares groups within classes alone."""


@dataclass
class FairnessLoss(Method):
    """Cross-entropy plus one of the fairness losses.

    L = CE + weight * measure(softmax(z)). By default the net starts from the trained baseline, as the paper fine-tunes.
    The range searched is that of T. Hänel et al., ACCV 2022, for L_iou on UTKFace and SIIM-ISIC.
    """

    citation: ClassVar[str] = (
        "T. Hänel, N. Kumar, D. Schlesinger, M. Li, E. Ünal, A. Eslami, S. Gumhold, Enhancing Fairness of Visual "
        "Attribute Predictors, ACCV 2022"
    )

    measure: ClassVar[Measure]

    weight: float = hyperparameter(
        1.0, Real(low=0, log=True), search=Real(low=0.1, high=1000, log=True), help="weight of the fairness loss"
    )
    init: str = hyperparameter("teacher", Options(values=("teacher", "scratch")), help="where the net's weights start")

    @property
    def starts_from_teacher(self) -> bool:
        """Whether it fine-tunes the baseline."""
        return self.init == "teacher"

    def acts_within(self, protocol: Protocol) -> tuple[Within, ...]:
        """Groups within classes, if its measure compares nothing else."""
        return ("groups within classes",) if protocol in _WITHIN_CLASSES.get(type(self).measure, ()) else ()

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The weighted term."""
        context = self.context
        official = context.protocol == "official"
        halved = official and context.num_classes == 2
        p = (student.logits / 2 if halved else student.logits).softmax(1)
        member = members(batch.y, batch.a, context.num_classes, context.num_groups, p.dtype)
        return {"fairness": self.weight * type(self).measure(p, member, official)}
