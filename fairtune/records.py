"""The values that travel through fairtune: batches, outputs and group counts.

Nothing here imports torch at run time, so that a study can be read and reported on a machine without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]


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
    """

    x: Tensor
    y: Tensor
    a: Tensor
    index: Tensor
    attribute: Tensor | None = None


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
        return Outputs(*(None if part is None else part.to(dtype) for part in self))  # type: ignore[arg-type]


@dataclass(frozen=True)
class GroupCounts:
    """Group x true x predicted tables: every group metric is a function of these.

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

    @property
    def cells(self) -> Ints:
        """Samples per cell, ``(A, K)``."""
        cells: Ints = self.hard.sum(axis=2)
        return cells

    def to_json(self) -> dict[str, Any]:
        """The tables as nested lists, probabilities to six digits."""
        tables = {"hard": self.hard.tolist(), "soft": np.round(self.soft, 6).tolist()}
        return tables if self.margins is None else tables | {"margins": self.margins.tolist()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> GroupCounts:
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
        attribute: as in :class:`Batch`, float32 ``(n, E)``, or None.
    """

    pool: npt.NDArray[Any]
    rows: Ints
    y: Ints
    a: Ints
    source: Ints
    attribute: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, keep: Ints) -> Split:
        """The samples at the positions ``keep``, in that order."""
        attribute = None if self.attribute is None else self.attribute[keep]
        return Split(self.pool, self.rows[keep], self.y[keep], self.a[keep], self.source[keep], attribute)

    def cells(self, num_groups: int, num_classes: int) -> Ints:
        """Samples per cell, ``(A, K)``."""
        flat = np.bincount(self.a * num_classes + self.y, minlength=num_groups * num_classes)
        return flat.reshape(num_groups, num_classes)
