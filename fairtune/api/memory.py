"""What a trial takes of the machine's memory, so that Ray puts no more trials on a machine than it holds."""

from __future__ import annotations

import torch

from fairtune.sizes import GIB
from fairtune.spec import SearchSpec
from fairtune.training.cost import NotCounted, Shape, cost_of

PROCESS_GIB = 0.5
"""Of a worker's process beside its tensors: torch, Ray and what they keep; libraries and data that processes share left out."""
CUDA_GIB = 1.5
"""Assumed, not measured, of the machine's memory beside that where a process computes on a GPU."""
MARGIN = 1.25
"""Methods that take more than the baseline, and what the allocator does not give back. What a process took at its most would say
too much: it counts the decoded data and the libraries, which all of a machine share."""
_CPU = torch.device("cpu")


def counted_gib(spec: SearchSpec, shape: Shape, *, on_gpu: bool) -> float:
    """What a trial takes of the machine's memory, GiB, by the tensors of the baseline; a GPU's trials have them there.

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
