"""How long a training will take, from a few timed steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from fairtune.batches.split import SCORING_BATCH
from fairtune.seeding import generator, torch_stream
from fairtune.spec import TrialSpec
from fairtune.training.assembly import assemble
from fairtune.training.data import Data
from fairtune.training.loop import Training

_STEPS = 5


def seconds_of_training(spec: TrialSpec, data: Data, device: torch.device, *, runs: Path, threads: int) -> float:
    """How long a training without a teacher takes here, at least: by its fastest step, and what scoring takes.

    Args:
        spec: the training, such as a search's baseline; nothing of it is kept.
        data: its splits.
        device: where to compute.
        runs: folder of all runs.
        threads: that it may use.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        training = assemble(spec, data, runs=runs, device=device)
        training.net.train()
        order = torch.from_numpy(training.batch_order()).to(device)
        rows = order[:_STEPS]
        drawn = training.train.draw((len(rows), rows.shape[1]), generator(spec.seed, "order", 0, 1))
        steps = [partial(training.step, row, tuple(of_all[n] for of_all in drawn)) for n, row in enumerate(rows)]
        with torch_stream(device, spec.seed, "noise", 0):
            step = min(_seconds(take, device) for take in steps)
        scored = torch.arange(min(SCORING_BATCH, len(training.validation)), device=device)
        samples = len(training.validation) / len(scored)
        return spec.epochs * (len(order) * step + samples * _seconds(lambda: _score(training, scored), device))
    finally:
        torch.set_num_threads(before)


@torch.no_grad()
def _score(training: Training, index: torch.Tensor) -> None:
    training.net.eval()
    training.forward(training.validation.batch(index))


def _seconds(act: Callable[[], object], device: torch.device) -> float:
    began = time.perf_counter()
    act()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began
