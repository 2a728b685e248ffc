"""Where a trial computes and in which precision."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path
from typing import Any, Literal, cast  # noqa: TID251  torch puts other modules in the place of some of its own

import torch

from fairtune.errors import InvalidInput
from fairtune.sizes import MIB

Precision = Literal["bf16", "fp32", "float64"]
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_PEAK = "5"


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
            raise InvalidInput(f"unknown precision {precision!r}: choose auto, bf16, fp32 or float64")


def parameter_dtype(precision: Precision) -> torch.dtype:
    """The dtype that weights are kept in: bf16 autocast keeps float32 weights."""
    return torch.float64 if precision == "float64" else torch.float32


def autocast(device: torch.device, precision: Precision) -> contextlib.AbstractContextManager[object]:
    """The autocast region of a forward pass; without effect unless ``precision`` is ``bf16``."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def keep_float32_exact() -> None:
    """Have GPUs multiply float32 as float32. Convolutions would round it to TF32, which keeps ten bits, and the setting is the
    process's, so whatever ran in it before may have changed it. Torch's older flag has to agree, since torch.export asks for it.
    """
    cuda, cudnn = (cast("Any", backend) for backend in (torch.backends.cuda, torch.backends.cudnn))
    cudnn.allow_tf32 = False
    for operation in (cuda.matmul, cudnn.conv, cudnn.rnn):
        operation.fp32_precision = "ieee"


def forget_peak_memory(device: torch.device) -> None:
    """Let :func:`peak_memory_mb` begin anew; on a CPU this needs Linux."""
    if device.type == "cuda":
        torch.cuda.init()
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with contextlib.suppress(OSError):
            _CLEAR.write_text(_PEAK)


def peak_memory_mb(device: torch.device) -> float:
    """Highest memory use in MiB since it was last forgotten: of the CUDA allocator, or on the CPU of this process, libraries and
    mapped files included.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / MIB
    if _STATUS.is_file():
        return int(_STATUS.read_text().partition("VmHWM:")[2].split()[0]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MIB if sys.platform == "darwin" else peak / 2**10
