"""What the methods share that compare groups, over all samples or within classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from fairtune.errors import InvalidInput
from fairtune.methods._base import Method, Protocol, Within
from fairtune.records import Batch
from fairtune.space import Integer, Options, hyperparameter

CRITERIA = ("dp", "eodd", "eopp")


class Strata(NamedTuple):
    """The samples among which groups are compared: all of them, those of each class, or those of one class.

    Attributes:
        member: ``(B, S, A)`` 0/1, whether a sample is of a group in a stratum.
        size: ``(S, A)``, how many are.
    """

    member: Tensor
    size: Tensor

    def means(self, values: Tensor) -> Tensor:
        """Means of values ``(B, D)`` over the members, ``(S, A, D)``; 0 where there are none."""
        return torch.einsum("bsa,bd->sad", self.member, values) / self.size.clamp(min=1)[:, :, None]


def strata(y: Tensor, a: Tensor, *, criterion: str, positive: int, num_classes: int, num_groups: int, dtype: torch.dtype) -> Strata:
    """The strata of a criterion: ``dp`` has one of all samples, ``eodd`` one of each class, ``eopp`` one of class ``positive``.

    Args:
        y: labels ``(B,)``.
        a: groups ``(B,)``.
    """
    classes, groups = F.one_hot(y, num_classes).to(dtype), F.one_hot(a, num_groups).to(dtype)
    chosen = {"dp": torch.ones_like(classes[:, :1]), "eodd": classes, "eopp": classes[:, positive : positive + 1]}[criterion]
    member = chosen[:, :, None] * groups[:, None, :]
    return Strata(member, member.sum(0))


def pairs_present(size: Tensor, least: int = 1) -> Tensor:
    """Which pairs of groups, each once, have at least so many samples on both sides: ``(S, A, A)`` 0/1 of sizes ``(S, A)``."""
    enough = (size >= least).to(size.dtype)
    return (enough[:, :, None] * enough[:, None, :]).triu(1)


def mean_over_pairs(distances: Tensor, pairs: Tensor) -> Tensor:
    """Mean distance over the pairs of each stratum ``(S,)``, 0 where there is none; both are ``(S, A, A)``."""
    return (distances * pairs).sum((1, 2)) / pairs.sum((1, 2)).clamp(min=1)


def mean_over_strata(means: Tensor, pairs: Tensor) -> Tensor:
    """Mean over the strata ``(S,)`` in which there are pairs ``(S, A, A)``."""
    return means.sum() / (pairs.sum((1, 2)) > 0).sum().clamp(min=1)


@dataclass
class ComparingGroups(Method):
    """Compares groups under a criterion of fairness.

    Attributes:
        criterion: ``dp`` over all samples (demographic parity), ``eodd`` within each class (equalized odds), ``eopp`` within class
            ``positive`` (equal opportunity).
        positive: that class.
    """

    criterion: str = hyperparameter("eodd", Options(values=CRITERIA), help="whom to compare: all, within each class, or one class")
    positive: int = hyperparameter(1, Integer(low=0), help="the class that eopp compares within")

    def setup(self) -> None:
        """Check that the class is one.

        Raises:
            InvalidInput: it is not.
        """
        if self.criterion == "eopp" and self.positive >= self.context.num_classes:
            raise InvalidInput(f"positive={self.positive} is no class: there are {self.context.num_classes}, counted from 0")

    def acts_within(self, protocol: Protocol) -> tuple[Within, ...]:
        """Groups within classes, unless they are compared over all samples."""
        return () if self.criterion == "dp" else ("groups within classes",)

    def strata(self, batch: Batch, dtype: torch.dtype) -> Strata:
        """Among whom groups are compared."""
        return strata(
            batch.y,
            batch.a,
            criterion=self.criterion,
            positive=self.positive,
            num_classes=self.context.num_classes,
            num_groups=self.context.num_groups,
            dtype=dtype,
        )
