"""Splits on the training device: uint8 images gathered by index, augmented there."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fairtune.records import Batch, Ints, Split

SCORING_BATCH = 500
"""Samples per batch where nothing is trained."""


class DeviceSplit:
    """A split whose images stay on the device as uint8 and become floating point only batch by batch.

    On the CPU the images are the memory-mapped pool itself, shared by every process of the machine; on a GPU the split's own
    images are copied there once.

    Args:
        split: the split.
        device: where batches are wanted.
        dtype: floating point type of ``Batch.x``.
    """

    def __init__(self, split: Split, device: torch.device, dtype: torch.dtype) -> None:
        on_cpu = device.type == "cpu"
        pool = torch.from_numpy(split.pool if on_cpu else split.pool[split.rows])
        self.pool = pool.to(device)
        self.rows = torch.from_numpy(split.rows).to(device) if on_cpu else torch.arange(len(split), device=device)
        self.y = torch.from_numpy(split.y).to(device)
        self.a = torch.from_numpy(split.a).to(device)
        self.attribute = None if split.attribute is None else torch.from_numpy(split.attribute).to(device, dtype)
        self.dtype = dtype
        self.device = device

    def __len__(self) -> int:
        return len(self.y)

    def cells(self, num_groups: int, num_classes: int) -> Ints:
        """Samples per cell, ``(A, K)``."""
        cell = (self.a * num_classes + self.y).cpu().numpy()
        return np.bincount(cell, minlength=num_groups * num_classes).reshape(num_groups, num_classes)

    def batch(self, index: Tensor, flip: Tensor | None = None) -> Batch:
        """Gather samples.

        Args:
            index: positions in the split ``(B,)``, int64, on the device.
            flip: which images to mirror left to right ``(B,)``, bool; None mirrors none.

        Returns:
            The batch; images ``(B, C, H, W)`` in channels-last memory, scaled to [0, 1].
        """
        x = self.pool.index_select(0, self.rows[index])
        if x.dtype == torch.uint8:
            if flip is not None:
                x = torch.where(flip[:, None, None, None], x.flip(2), x)
            x = x.permute(0, 3, 1, 2).to(self.dtype).div_(255)
        else:
            x = x.to(self.dtype)
        attribute = None if self.attribute is None else self.attribute[index]
        return Batch(x, self.y[index], self.a[index], index, attribute)
