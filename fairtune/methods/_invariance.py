"""What the methods share that make embeddings of groups alike in distribution."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from fairtune.methods._base import Progress
from fairtune.methods._comparing import CRITERIA, ComparingGroups, Strata
from fairtune.records import Batch, Outputs
from fairtune.space import Options, Real, hyperparameter


def kernel_distances(kernel: Tensor, member: Tensor, weights: Tensor) -> Tensor:
    """Squared distances of groups' mean embeddings in a kernel's space, of every pair ``(S, A, A)``.

    Args:
        kernel: ``(B, B)``.
        member: ``(B, S, A)``.
        weights: of each member in its mean ``(S, A)``.
    """
    means = member * weights
    inner = torch.einsum("isa,ij,jsc->sac", means, kernel, means)
    own = inner.diagonal(dim1=1, dim2=2)
    return own[:, :, None] + own[:, None, :] - 2 * inner


@dataclass
class GroupInvariance(ComparingGroups):
    """Adds weight times a distance of the groups' embeddings to the cross-entropy.

    Attributes:
        term: the name of that term.
    """

    term: ClassVar[str]

    weight: float = hyperparameter(1.0, Real(low=0, log=True), search=Real(low=0.1, high=100, log=True), help="of the distance")
    criterion: str = hyperparameter("dp", Options(values=CRITERIA), help="whom to compare: all, within each class, or one class")

    @abstractmethod
    def distance(self, embedding: Tensor, compared: Strata) -> Tensor:
        """Of embeddings ``(B, D)``, a scalar; 0 without groups to compare."""

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The weighted distance."""
        assert student.embedding is not None
        return {self.term: self.weight * self.distance(student.embedding, self.strata(batch, student.embedding.dtype))}
