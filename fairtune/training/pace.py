"""How long a training will take, from a few timed steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import torch

from fairtune.batches.split import SCORING_BATCH
from fairtune.seeding import torch_stream
from fairtune.spec import TrialSpec
from fairtune.training.assembly import assemble
from fairtune.training.data import Data
from fairtune.training.loop import Training
from fairtune.training.stages import standing_for

_STEPS, _TIMES = 2, 3


def seconds_of_training(spec: TrialSpec, data: Data, device: torch.device, *, threads: int) -> float:
    """How long a training takes here, at least: by its fastest steps, and what scoring takes.

    An untrained net stands in for its teacher. What a method does at the end of an epoch is not timed.

    Args:
        spec: the training; nothing of it is kept.
        data: its splits.
        device: where to compute.
        threads: that it may use.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        training = assemble(spec, data, runs=None, device=device)
        with torch_stream(device, spec.seed, "noise", 0):
            steps = [(like, _step(training, epoch, device)) for epoch, like in standing_for(training).items() if like]
        scored = torch.arange(min(SCORING_BATCH, len(training.validation)), device=device)
        share = len(training.validation) / len(scored)
        scoring = min(_seconds(lambda: _score(training, scored), device) for _ in range(_TIMES))
        trained = sum(like * len(training.batch_order()) * step for like, step in steps)
        return trained + spec.epochs * share * scoring
    finally:
        torch.set_num_threads(before)


def _step(training: Training, epoch: int, device: torch.device) -> float:
    """Seconds of a step in this epoch."""
    training.epoch = epoch
    take = partial(training.take_steps, at_most=_STEPS)
    return min(_seconds(take, device) for _ in range(_TIMES)) / min(_STEPS, len(training.batch_order()))


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
