"""The values that travel through fairtune: batches, outputs, group counts, splits, and what a training is for.

Nothing here imports torch at run time, so that a study can be read and reported on a machine without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple  # noqa: TID251  numpy has no other word for an array of whatever type

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]
"""An array whose type of element is known at run time only."""


class Purpose(Enum):
    """What a training is for, and so what its net is asked in the end.

    Attributes:
        SEARCH: to be compared with others by its predictions on the validation split.
        PROBED: the same, and its embedding is asked for the group: baselines and teachers, a single training, and trials whose
            rule judges by what the probe finds.
        FINAL: to confirm a choice; probed too, and with the next the only one that opens the test part of a dataset.
        ADJUSTED: the same, and then its decisions are moved without training (:mod:`fairtune.thresholds`).
    """

    SEARCH = "search"
    PROBED = "probed"
    FINAL = "final"
    ADJUSTED = "adjusted"

    @property
    def probes(self) -> bool:
        """Whether the trained net's embedding is asked for the group."""
        return self is not Purpose.SEARCH

    @property
    def opens_test(self) -> bool:
        """Whether the trained net is scored on the test split."""
        return self in (Purpose.FINAL, Purpose.ADJUSTED)

    @property
    def adjusts(self) -> bool:
        """Whether the trained net's decisions are moved besides."""
        return self is Purpose.ADJUSTED


@dataclass(frozen=True, slots=True)
class Batch:
    """One training or evaluation batch on the device.

    Attributes:
        x: images ``(B, C, H, W)`` or vectors ``(B, F)``, floating point in [0, 1].
        y: labels ``(B,)``, int64.
        a: sensitive attribute (group) ``(B,)``, int64.
        index: position of each sample in its split ``(B,)``, int64.
        attribute: the sensitive attribute as a vector ``(B, E)`` where a dataset has a finer one than its groups (the colour of a
            digit), floating point; None elsewhere.
        view: the same images as ``x`` under another draw of the transforms, where a method asks for it.
        share: how much of each sample ``y`` says, floating point in [0, 1] ``(B,)``, where samples are mixed; None for all of it.
        y2: the labels of the rest ``(B,)``.
    """

    x: Tensor
    y: Tensor
    a: Tensor
    index: Tensor
    attribute: Tensor | None = None
    view: Tensor | None = None
    share: Tensor | None = None
    y2: Tensor | None = None


class Outputs(NamedTuple):
    """What every net returns.

    Attributes:
        logits: ``(B, K)``.
        features: the tap that feature methods use, ``(B, D)`` or ``(B, C, h, w)``.
        maps: the last convolution's map ``(B, C, h, w)``, or None where it was not asked for.
        embedding: the vector that the last linear layer (``net.head``) sees ``(B, D)``: what information about the group is
            looked for in. Often the same as ``features``; None for the outputs of a cached teacher.
    """

    logits: Tensor
    features: Tensor
    maps: Tensor | None = None
    embedding: Tensor | None = None

    def to(self, dtype: torch.dtype) -> Outputs:
        """The same in another floating point type."""
        maps, embedding = (None if part is None else part.to(dtype) for part in (self.maps, self.embedding))
        return Outputs(self.logits.to(dtype), self.features.to(dtype), maps, embedding)


@dataclass(frozen=True, eq=False)
class GroupCounts:
    """Group x true x predicted tables: every group metric is a function of these. Equal are those of equal JSON.

    Attributes:
        hard: ``(A, K, K)`` int64, ``hard[a, y, p]`` = samples of group ``a`` and label ``y`` predicted as ``p``.
        soft: ``(A, K, K)`` float64, the same with predicted probabilities summed in place of counts.
        margins: ``(A, 2, M)`` int64 where there are two classes, else None: ``margins[a, y, m]`` = samples whose logit of class 1
            less that of class 0 is in the m-th of M intervals, from the lowest to the highest.
    """

    hard: Ints
    soft: Floats
    margins: Ints | None = None

    def __post_init__(self) -> None:
        if self.hard.ndim != 3 or self.hard.shape[1] != self.hard.shape[2] or self.hard.shape != self.soft.shape:
            raise ValueError(f"group counts need two (A, K, K) tables, got {self.hard.shape} and {self.soft.shape}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GroupCounts) and self.to_json() == other.to_json()

    @property
    def cells(self) -> Ints:
        """Samples per cell, ``(A, K)``."""
        cells: Ints = self.hard.sum(axis=2)
        return cells

    def to_json(self) -> dict[str, object]:
        """The tables as nested lists, probabilities to six digits."""
        tables = {"hard": self.hard.tolist(), "soft": np.round(self.soft, 6).tolist()}
        return tables if self.margins is None else tables | {"margins": self.margins.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> GroupCounts:
        """The inverse of :meth:`to_json`."""
        margins = None if data.get("margins") is None else np.asarray(data["margins"], dtype=np.int64)
        return cls(np.asarray(data["hard"], dtype=np.int64), np.asarray(data["soft"], dtype=np.float64), margins)


@dataclass(frozen=True)
class Split:
    """One split of a dataset: which rows of a shared pool of images it holds, with their labels and groups.

    Attributes:
        pool: all decoded images ``(N, H, W, C)`` uint8 (or float32 vectors ``(N, F)``), memory-mapped and shared.
        rows: position of each sample in the pool, ``(n,)``.
        y: labels ``(n,)``.
        a: groups ``(n,)``.
        source: id of the original image ``(n,)``; two samples made from one image share it.
        num_groups: A, those without samples here counted.
        num_classes: K, likewise.
        attribute: as in :class:`Batch`, float32 ``(n, E)``, or None.
    """

    pool: Array
    rows: Ints
    y: Ints
    a: Ints
    source: Ints
    num_groups: int = field(kw_only=True)
    num_classes: int = field(kw_only=True)
    attribute: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, keep: Ints) -> Split:
        """The samples at the positions ``keep``, in that order."""
        attribute = None if self.attribute is None else self.attribute[keep]
        return replace(self, rows=self.rows[keep], y=self.y[keep], a=self.a[keep], source=self.source[keep], attribute=attribute)

    @property
    def cells(self) -> Ints:
        """Samples per cell, ``(A, K)``."""
        flat = np.bincount(self.a * self.num_classes + self.y, minlength=self.num_groups * self.num_classes)
        return flat.reshape(self.num_groups, self.num_classes)
