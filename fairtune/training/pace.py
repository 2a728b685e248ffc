"""How long a training will take, from a few timed steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from fairtune.batches.split import SCORING_BATCH
from fairtune.seeding import torch_stream
from fairtune.spec import Compile, TrialSpec
from fairtune.training.assembly import assemble
from fairtune.training.capture import capture
from fairtune.training.data import Data
from fairtune.training.evaluate import evaluate
from fairtune.training.loop import Training
from fairtune.training.stages import standing_for

_WARM_STEPS = 2


def seconds_of_training(
    spec: TrialSpec, data: Data, device: torch.device, *, threads: int, how: Compile, timed_s: float = 1.0
) -> float:
    """How long a training takes here, as busy as this machine is now: by its steps in about a second, and what scoring takes.

    An untrained net stands in for its teacher. What a method does at the end of an epoch is not timed.

    Args:
        spec: the training; nothing of it is kept.
        data: its splits.
        device: where to compute.
        threads: that it may use.
        how: a GPU is given steps.
        timed_s: seconds of steps that are timed.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        training = assemble(spec, data, runs=None, device=device)
        capture(training, how)
        with torch_stream(device, spec.seed, "noise", 0):
            steps = [(like, _step(training, epoch, device, timed_s)) for epoch, like in standing_for(training).items() if like]
        trained = sum(like * len(training.batch_order()) * step for like, step in steps)
        return trained + spec.epochs * _scoring(training, data, device)
    finally:
        torch.set_num_threads(before)


def _step(training: Training, epoch: int, device: torch.device, timed_s: float) -> float:
    """Seconds of a step in this epoch, as they are on the average: the fastest have the caches to themselves."""
    training.epoch = epoch
    there = len(training.batch_order())
    warm = _seconds(partial(training.take_steps, at_most=_WARM_STEPS), device) / min(_WARM_STEPS, there)
    timed = min(there, max(_WARM_STEPS, math.ceil(timed_s / warm)))
    return _seconds(partial(training.take_steps, at_most=timed), device) / timed


def _scoring(training: Training, data: Data, device: torch.device) -> float:
    """Seconds of scoring the validation split."""
    few = data.validation.take(np.arange(min(SCORING_BATCH, len(data.validation))))
    split = data.on(device, training.train.dtype, few)

    def score() -> object:
        return evaluate(training.net, split).scores(training.weighting)

    score()
    return _seconds(score, device) * len(data.validation) / len(few)


def _seconds(act: Callable[[], object], device: torch.device) -> float:
    began = time.perf_counter()
    act()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began
