"""Where a trial computes and in which precision."""

from __future__ import annotations

import contextlib
import resource
import sys
from typing import Literal

import torch

from fairtune.errors import InvalidInput

Precision = Literal["bf16", "fp32", "float64"]
PRECISIONS: tuple[str, ...] = ("auto", "bf16", "fp32", "float64")


def pick_device(gpus: float) -> torch.device:
    """The CUDA device if any share of a GPU was given to this trial, else the CPU."""
    return torch.device("cuda" if gpus > 0 and torch.cuda.is_available() else "cpu")


def has_fast_bf16(device: torch.device) -> bool:
    """Whether the processor multiplies bfloat16 natively (CUDA from Ampere on; CPUs with AVX512-BF16 or AMX)."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    probes = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(probe() for probe in probes if probe is not None)


def resolve_precision(precision: str, device: torch.device) -> Precision:
    """Turn ``auto`` into ``bf16`` where the processor gains from it, else ``fp32``; check any other name."""
    match precision:
        case "auto":
            return "bf16" if has_fast_bf16(device) else "fp32"
        case "bf16" | "fp32" | "float64":
            return precision
        case _:
            raise InvalidInput(f"unknown precision {precision!r}: choose one of {', '.join(PRECISIONS)}")


def parameter_dtype(precision: Precision) -> torch.dtype:
    """The dtype that weights are kept in: bf16 autocast keeps float32 weights."""
    return torch.float64 if precision == "float64" else torch.float32


def autocast(device: torch.device, precision: Precision) -> contextlib.AbstractContextManager[object]:
    """The autocast region of a forward pass; without effect unless ``precision`` is ``bf16``."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def peak_memory_mb(device: torch.device) -> float:
    """Highest memory use so far in MiB: of the CUDA allocator, or of this process on the CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
