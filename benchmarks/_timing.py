"""What the speed benchmarks share: interleaved timing, ratios, the machine's name and its measured peak."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

Seconds = list[float]


def race(variants: Mapping[str, Callable[[], object]], *, rounds: int, warm_up: int) -> dict[str, Seconds]:
    """Processor time of variants called in turn, one call of each per round.

    A busy neighbour slows all of them alike, and the time that this process waits for a processor is not counted.

    Args:
        variants: what to time, by name.
        rounds: rounds that count.
        warm_up: rounds before them; the first steps of a process wait for the operating system to hand out memory.

    Returns:
        Seconds of every counted round, by name.
    """
    taken: dict[str, Seconds] = {name: [] for name in variants}
    for turn in range(warm_up + rounds):
        for name, call in variants.items():
            began = time.process_time()
            call()
            if turn >= warm_up:
                taken[name].append(time.process_time() - began)
    return taken


def median_ms(seconds: Seconds) -> float:
    """Median in milliseconds."""
    return statistics.median(seconds) * 1e3


def ratio(slow: Seconds, fast: Seconds) -> float:
    """Median over the rounds of one variant's time over another's in the same round."""
    return statistics.median(s / f for s, f in zip(slow, fast, strict=True))


def peak_gflops(dtype: torch.dtype, device: torch.device | None = None, sizes: tuple[int, ...] = (512, 1024, 2048)) -> float:
    """Best rate of a square matrix product in GFLOP/s: what this machine can reach in practice."""
    best = 0.0
    for size in sizes:
        a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        for _ in range(12):
            began = time.perf_counter()
            a @ b
            if a.is_cuda:
                torch.cuda.synchronize()
            best = max(best, 2 * size**3 / (time.perf_counter() - began) / 1e9)
    return best


def machine() -> str:
    """Processor, its matrix units, torch, threads: one line."""
    probe = getattr(torch.cpu, "_is_amx_tile_supported", None)
    amx = "yes" if probe is not None and probe() else "no"
    threads = torch.get_num_threads()
    return f"{_processor()}; AMX {amx}; torch {torch.__version__}; {threads} thread{'s' * (threads > 1)}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
