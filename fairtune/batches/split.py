"""Splits on the training device: uint8 images gathered by index, augmented there."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from fairtune.batches.augment import Augment, Drawn
from fairtune.batches.memory import fits, free_memory, moved
from fairtune.records import Array, Batch, Split

SCORING_BATCH = 500
"""Samples per batch where nothing is trained."""
_PIECE = 4096


class DeviceSplit:
    """A split whose images stay on the device as uint8 and become floating point only batch by batch.

    On the CPU the images are the memory-mapped pool itself, shared by every process of the machine and, where they exceed its
    memory, read from the disk as they are wanted. On a GPU the split's own images are copied there once; if they would take more
    than half of its free memory, each batch is gathered on the CPU and copied.

    Args:
        split: the split.
        device: where batches are wanted.
        dtype: floating point type of ``Batch.x``.
        augment: what is done to images on their way.

    Attributes:
        cell: of each sample, group-major (a * K + y), on the host, where batches are drawn.
    """

    def __init__(self, split: Split, device: torch.device, dtype: torch.dtype, augment: Augment | None = None) -> None:
        self.pool = as_tensor(split.pool)
        self.rows = torch.from_numpy(split.rows)
        if device.type == "cuda" and fits(len(split) * self.pool[:1].nbytes, free_memory(device)):
            self.pool = copied(split, device)
            self.rows = torch.arange(len(split), device=device)
        self.y = torch.from_numpy(split.y).to(device)
        self.a = torch.from_numpy(split.a).to(device)
        self.num_groups = split.num_groups
        self.num_classes = split.num_classes
        self.cells = split.cells
        self.cell = split.a * split.num_classes + split.y
        self.attribute = None if split.attribute is None else torch.from_numpy(split.attribute).to(device, dtype)
        self.dtype = dtype
        self.device = device
        self.augment = augment or Augment()

    def __len__(self) -> int:
        return len(self.y)

    @property
    def home(self) -> torch.device:
        """Where the images are, and so the positions of those that are wanted should be."""
        return self.pool.device

    def draw(self, batches: tuple[int, int], rng: np.random.Generator, at: torch.device | None = None) -> Drawn:
        """What the transforms draw for an epoch.

        Args:
            batches: their number and size.
            rng: draws.
            at: where it is kept; None is the device.

        Returns:
            One tensor ``(steps, B, ...)`` for each transform.
        """
        if self.pool.ndim != 4:
            return ()
        size = self.pool.shape[1], self.pool.shape[2]
        return tuple(moved(values, at or self.device) for values in self.augment.draw(size, batches, rng))

    def batch(self, index: Tensor, drawn: Drawn | None = None) -> Batch:
        """Gather samples.

        Args:
            index: positions in the split ``(B,)``, int64; at :attr:`home` or on the host, or the host waits for a GPU to have them.
            drawn: what the transforms drew for them, one tensor ``(B, ...)`` each; None gathers them as evaluation sees them.

        Returns:
            The batch; images ``(B, C, H, W)`` in channels-last memory, scaled to [0, 1].
        """
        x = gathered(self.pool, self.rows[moved(index, self.home)], self.device)
        index = moved(index, self.device)
        drawn = None if drawn is None else tuple(moved(values, self.device) for values in drawn)
        x = self.augment(x.permute(0, 3, 1, 2), self.dtype, drawn) if x.dtype == torch.uint8 else x.to(self.dtype)
        attribute = None if self.attribute is None else self.attribute[index]
        return Batch(x, self.y[index], self.a[index], index, attribute)


def as_tensor(pool: Array) -> Tensor:
    """A pool without a copy, never to be written to: a mapping that could be written would count as memory of the process."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(pool)


def gathered(pool: Tensor, rows: Tensor, device: torch.device) -> Tensor:
    """Some rows of a pool on a device, wherever the pool lies."""
    found = pool.index_select(0, rows)
    return found if found.device.type == device.type else moved(found, device)


def copied(split: Split, device: torch.device) -> Tensor:
    """A split's own images on a device, copied piece by piece."""
    first = as_tensor(split.pool[:1])
    images = torch.empty((len(split), *first.shape[1:]), dtype=first.dtype, device=device)
    for start in range(0, len(split), _PIECE):
        images[start : start + _PIECE] = torch.from_numpy(split.pool[split.rows[start : start + _PIECE]])
    return images
