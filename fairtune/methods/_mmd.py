"""Maximum mean discrepancy over all (label, group) cells at once: masks and matrix products, no loop over cells.

With kernel matrices over the whole batch and a 0/1 membership matrix M (samples x cells), the mean kernel between two sets of
samples is m' K m / n: all cells together are one matrix product. Where the bandwidth differs from cell to cell, only pairs
of samples that share a cell (or a class) are ever averaged, so one B x B matrix still serves every cell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

Kernel = Literal["rbf", "poly"]
_TINY = 1e-12


class Membership(NamedTuple):
    """Which samples belong to which class and cell, cells in group-major order (a * K + y).

    Attributes:
        classes: ``(B, K)`` 0/1.
        cells: ``(B, A * K)`` 0/1.
        cell_classes: ``(B, A * K)`` 0/1, whether the sample is of the cell's class.
        class_size: ``(A * K,)``, samples of the cell's class, at least 1.
        cell_size: ``(A * K,)``, samples of the cell, at least 1.
        present: ``(A * K,)`` 0/1, whether the cell has samples.
    """

    classes: Tensor
    cells: Tensor
    cell_classes: Tensor
    class_size: Tensor
    cell_size: Tensor
    present: Tensor


def membership(y: Tensor, a: Tensor, num_classes: int, num_groups: int, dtype: torch.dtype) -> Membership:
    """Membership of a batch's samples; ``y`` and ``a`` are ``(B,)``."""
    classes = F.one_hot(y, num_classes).to(dtype)
    cells = F.one_hot(a * num_classes + y, num_groups * num_classes).to(dtype)
    sizes = cells.sum(0)
    class_size = classes.sum(0).clamp(min=1).repeat(num_groups)
    return Membership(classes, cells, classes.repeat(1, num_groups), class_size, sizes.clamp(min=1), (sizes > 0).to(dtype))


def squared_distances(u: Tensor, v: Tensor) -> Tensor:
    """Pairwise squared distances ``(B, B')`` of the rows of ``(B, D)`` and ``(B', D)``, at least 1e-12."""
    cross = torch.addmm(v.square().sum(1)[None, :] + u.square().sum(1)[:, None], u, v.T, alpha=-2)
    return cross.clamp(min=_TINY)


def polynomial(u: Tensor, v: Tensor) -> Tensor:
    """The kernel (u.v)^2 of L2-normalised rows."""
    return (F.normalize(u) @ F.normalize(v).T).square()


def gaussian(distances: Tensor, bandwidth: Tensor) -> Tensor:
    """exp(-d / (2 bandwidth)); the bandwidth broadcasts against the distances."""
    return torch.exp(-distances / (2 * bandwidth))


def all_pairs(measure: Callable[[Tensor, Tensor], Tensor], teacher: Tensor, student: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A kernel or a distance among the teacher's rows, among the student's, and between both."""
    return measure(teacher, teacher), measure(student, student), measure(teacher, student)


def sums_within(kernel: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Sum of the kernel over rows x columns of each set.

    Args:
        kernel: ``(B, B')``.
        rows: memberships ``(B, S)``.
        columns: memberships ``(B', S)``.

    Returns:
        ``(S,)``; divide by the sizes of both sets for the mean.
    """
    return (rows * (kernel @ columns)).sum(0)


def discrepancies(teacher_mean: Tensor, ss: Tensor, ts: Tensor, member: Membership) -> Tensor:
    """Squared MMD of every cell against its class, ``(A * K,)``; meaningless where the cell is empty.

    Args:
        teacher_mean: mean kernel within each cell's class, ``(A * K,)``.
        ss: student kernel ``(B, B)``.
        ts: teacher (rows) by student (columns) kernel ``(B, B)``.
        member: the batch's membership.
    """
    student_mean = sums_within(ss, member.cells, member.cells) / member.cell_size**2
    cross_mean = sums_within(ts, member.cell_classes, member.cells) / (member.class_size * member.cell_size)
    return teacher_mean + student_mean - 2 * cross_mean


def class_means(tt: Tensor, member: Membership) -> Tensor:
    """Mean of one teacher kernel within each cell's class, ``(A * K,)``."""
    sums = sums_within(tt, member.classes, member.classes)
    return sums.repeat(member.cells.shape[1] // len(sums)) / member.class_size**2


def class_means_per_cell(tt: Tensor, h: Tensor, member: Membership) -> Tensor:
    """The same where the kernel's bandwidth is the cell's: one kernel per group, its columns scaled by their class."""
    per_group = h.view(-1, member.classes.shape[1]) @ member.classes.T
    kernels = gaussian(tt, per_group[:, None, :])
    sums = (member.classes * (kernels @ member.classes)).sum(1)
    return sums.flatten() / member.class_size**2


def polynomial_discrepancies(teacher: Tensor, student: Tensor, member: Membership) -> Tensor:
    """Squared MMD of every cell against its class ``(A * K,)`` with the polynomial kernel of features ``(B, D)``."""
    tt, ss, ts = all_pairs(polynomial, teacher, student)
    return discrepancies(class_means(tt, member), ss, ts, member)


def gaussian_discrepancies(tt: Tensor, ss: Tensor, ts: Tensor, h: Tensor, member: Membership) -> Tensor:
    """Squared MMD of every cell against its class ``(A * K,)`` with a Gaussian kernel of the cell's own bandwidth.

    Args:
        tt: squared distances among the teacher's rows ``(B, B)``.
        ss: among the student's.
        ts: between both.
        h: bandwidths ``(A * K,)``.
        member: the batch's membership.
    """
    own = member.cells @ h
    return discrepancies(class_means_per_cell(tt, h, member), gaussian(ss, own), gaussian(ts, own), member)
