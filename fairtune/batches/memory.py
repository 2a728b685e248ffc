"""What a device has room for, and the way there."""

from __future__ import annotations

import torch


def moved(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor on a device; a GPU's queue is not waited for."""
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def free_memory(device: torch.device) -> int:
    """Bytes that a GPU has left: the driver's, and those that torch's allocator keeps from earlier use but nothing needs."""
    left: int = torch.cuda.mem_get_info(device)[0]
    return left + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def fits(needed: int, free: int) -> bool:
    """Whether so many bytes may stay on a GPU with so many free ones: half of them are left to the nets."""
    return needed <= free // 2
