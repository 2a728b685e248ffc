"""What the methods share that match features by their maximum mean discrepancy (MMD)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from fairtune.methods._base import Method, Progress
from fairtune.methods._mmd import Kernel
from fairtune.records import Batch, Outputs
from fairtune.space import Options, Real, hyperparameter


@dataclass
class FeatureMatching(Method):
    """Adds weight / 2 times a squared MMD of features to the cross-entropy.

    Attributes:
        term: the name of that term.
    """

    term: ClassVar[str]

    weight: float = hyperparameter(3.0, Real(low=0, log=True), search=Real(low=0.1, high=30, log=True), help="MMD weight")
    sigma: float = hyperparameter(1.0, Real(low=0.01, high=100, log=True), help="scale of the kernel's bandwidth")
    kernel: Kernel = hyperparameter("rbf", Options(values=("rbf", "poly")), help="kernel of the MMD")

    @abstractmethod
    def discrepancy(self, student: Tensor, teacher: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """The squared MMD, a scalar; ``student`` are features ``(B, D)`` with gradient."""

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The weighted term."""
        return {self.term: self.weight / 2 * self.discrepancy(student.features, teacher, batch)}


@dataclass
class FeatureDistilling(FeatureMatching):
    """Matches the student's features with the baseline's."""

    needs_teacher: ClassVar[bool] = True

    @property
    def sigma_power(self) -> Literal[1, 2]:
        """The bandwidth is sigma to this power times a mean distance, see :func:`fairtune.methods.mfd.mfd_loss`."""
        return 1 if self.context.protocol == "official" else 2

    def from_teacher(self, teacher: Outputs) -> dict[str, Tensor]:
        """The features."""
        return {"features": teacher.features}
