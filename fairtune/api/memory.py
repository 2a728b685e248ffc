"""What a trial takes of the machine's memory, so that Ray puts no more trials on a machine than it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import psutil
import torch

from fairtune.api.fitting import GIB
from fairtune.spec import SearchSpec
from fairtune.training.cost import NotCounted, Shape, cost_of
from fairtune.training.device import forget_peak_memory, peak_memory_mb

T = TypeVar("T")
PROCESS_GIB = 0.5
"""Of a worker's process beside its tensors: torch, Ray and what they keep; libraries and data that processes share left out."""
CUDA_GIB = 1.5
"""Assumed, not measured, of the machine's memory beside that where a process computes on a GPU."""
MARGIN = 1.25
"""Methods that take more than the baseline, and what the allocator does not give back."""
_CPU = torch.device("cpu")


def counted_gib(spec: SearchSpec, shape: Shape, *, on_gpu: bool) -> float:
    """What a trial takes by what the baseline's tensors do, nothing of it trained; of a GPU's trials tensors lie there.

    Args:
        spec: the search.
        shape: of its data.
        on_gpu: whether trials compute there.
    """
    if on_gpu:
        return PROCESS_GIB + CUDA_GIB
    try:
        return gib_with(cost_of(spec.baseline(), shape, _CPU).peak_bytes)
    except NotCounted:
        return PROCESS_GIB


def gib_with(tensors: float) -> float:
    """What a trial on the CPU takes whose baseline has so many bytes of tensors."""
    return PROCESS_GIB + MARGIN * tensors / GIB


def taken_by(act: Callable[[], T]) -> tuple[T, float]:
    """What comes of an act, and by how many bytes this process grew in it at the most."""
    forget_peak_memory(_CPU)
    before = psutil.Process().memory_info().rss
    outcome = act()
    return outcome, max(0.0, peak_memory_mb(_CPU) * 2**20 - before)
