"""What decisions are made of, and what they come to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from fairtune.records import Floats, GroupCounts, Ints


class Scored(NamedTuple):
    """What a net says of the samples of a split.

    Attributes:
        logits: ``(n, K)``, float64.
        embedding: what the net's last linear layer sees ``(n, D)``, float64.
        y: labels ``(n,)``.
        a: groups ``(n,)``.
        num_groups: A, those without samples here counted.
    """

    logits: Floats
    embedding: Floats
    y: Ints
    a: Ints
    num_groups: int

    @property
    def num_classes(self) -> int:
        """K."""
        return int(self.logits.shape[1])

    @property
    def cell(self) -> Ints:
        """Of each sample ``(n,)``: ``a K + y``."""
        return self.a * self.num_classes + self.y

    @property
    def cells(self) -> Ints:
        """Samples per cell, ``(A, K)``."""
        return np.bincount(self.cell, minlength=self.num_groups * self.num_classes).reshape(self.num_groups, -1)

    @property
    def groups(self) -> Floats:
        """The group of each sample as ``(n, A)``: 1 for its own, else 0."""
        return np.eye(self.num_groups)[self.a]

    def take(self, keep: Ints) -> Scored:
        """The samples at the positions ``keep``."""
        return Scored(self.logits[keep], self.embedding[keep], self.y[keep], self.a[keep], self.num_groups)

    def folds(self, number: int) -> list[tuple[Scored, Scored]]:
        """Each of so many parts, every cell spread over them, with all the others together: ``(others, part)``."""
        order = np.argsort(self.cell, kind="stable")
        parts = [order[start::number] for start in range(number)]
        return [(self.take(np.setdiff1d(order, part)), self.take(part)) for part in parts]


class Predicted(NamedTuple):
    """Decisions.

    Attributes:
        classes: decided for ``(n,)``.
        probabilities: ``(n, K)``; of a rule that draws, of what it draws.
    """

    classes: Ints
    probabilities: Floats

    def counts(self, scored: Scored) -> GroupCounts:
        """The group x true x predicted tables of these samples."""
        shape = (scored.num_groups, scored.num_classes, scored.num_classes)
        hard, soft = np.zeros(shape, dtype=np.int64), np.zeros(shape)
        np.add.at(hard, (scored.a, scored.y, self.classes), 1)
        np.add.at(soft, (scored.a, scored.y), self.probabilities)
        return GroupCounts(hard, soft)


class Adjustment(ABC):
    """How decisions are made of a net's outputs."""

    @abstractmethod
    def __call__(self, scored: Scored) -> Predicted:
        """The decisions for some samples; their labels are not looked at."""


def softmax(logits: Floats) -> Floats:
    """Probabilities ``(n, K)``; a logit may be infinite, though not all of a sample."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Floats = raised / raised.sum(axis=1, keepdims=True)
    return probabilities


def decide(logits: Floats) -> Predicted:
    """The likeliest class of each sample."""
    return Predicted(logits.argmax(axis=1), softmax(logits))
