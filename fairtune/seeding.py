"""Randomness: one integer seed, named streams, and no global generator that is ever reset.

A stream is addressed by name and by integers (the epoch, say), so a run restored at epoch k draws exactly what the
uninterrupted run drew: no generator state has to be saved.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

STREAMS = (
    *("data", "init", "order", "noise", "method", "sampler", "untried", "bootstrap", "probe", "thresholds", "permutation"),
    "race",
)


def _sequence(seed: int, name: str, key: tuple[int, ...]) -> np.random.SeedSequence:
    if name not in STREAMS:
        raise ValueError(f"unknown random stream {name!r}: the streams are {', '.join(STREAMS)}")
    return np.random.SeedSequence([seed, zlib.crc32(name.encode())], spawn_key=key)


def stream_seed(seed: int, name: str, *key: int) -> int:
    """A 63-bit seed for the stream ``name``; distinct names or keys give independent streams."""
    return int(_sequence(seed, name, key).generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator(seed: int, name: str, *key: int) -> np.random.Generator:
    """A numpy generator of the stream ``name``."""
    return np.random.Generator(np.random.PCG64(_sequence(seed, name, key)))


@contextlib.contextmanager
def torch_stream(device: torch.device, seed: int, name: str, *key: int) -> Iterator[None]:
    """Lend torch's default generators to the stream ``name`` and give them back as they were.

    Initialisers and dropout layers of any library draw from torch's default generators; inside this block they draw from
    the stream, and outside nothing has changed.
    """
    import torch

    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        drawn = stream_seed(seed, name, *key)
        torch.default_generator.manual_seed(drawn)
        if devices:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(drawn)
        yield
