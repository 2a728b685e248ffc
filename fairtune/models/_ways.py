"""Which of two ways to compute the same a net takes: some are faster on a CPU, and are not to be compiled."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import torch
from torch import Tensor

_gpu = ContextVar("gpu", default=False)


def takes_ways_of_a_cpu(x: Tensor) -> bool:
    """Whether a tensor is to be computed in the ways that pay on a CPU."""
    return x.device.type == "cpu" and not torch.compiler.is_compiling() and not _gpu.get()


@contextlib.contextmanager
def ways_of_a_gpu() -> Iterator[None]:
    """Have nets compute on the CPU in the ways of a GPU, where what that will cost is counted."""
    token = _gpu.set(True)
    try:
        yield
    finally:
        _gpu.reset(token)
