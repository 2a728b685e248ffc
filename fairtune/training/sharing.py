"""Whether trainings that share a GPU compute at the same time."""

from __future__ import annotations

import psutil

SERVICE = "nvidia-cuda-mps-control"
TURNS = f"trials on one card take turns, as NVIDIA's MPS does not run: {SERVICE} -d before the search starts it (docs/gpu.md)"


def compute_at_once() -> bool:
    """Whether NVIDIA's Multi-Process Service runs on this machine; without it processes take turns on a card."""
    return any(str(process.info["name"]).startswith(SERVICE) for process in psutil.process_iter(["name"]))
