"""How much of a disk a search may need."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from fairtune.api.expected import abreast
from fairtune.datasets import Info
from fairtune.rules import objectives_of
from fairtune.schedulers import Ladder
from fairtune.search.budget import most_retrainings
from fairtune.search.repeats import most_trainings
from fairtune.sizes import GIB
from fairtune.spec import Place, SearchSpec
from fairtune.study.folders import RunFolder
from fairtune.study.study import trials_to_run
from fairtune.training.assembly import build_net

_STATES = 3
"""Sizes of a net in a checkpoint: it, and what Adam remembers of each parameter."""


def disk_of(spec: SearchSpec, weights: int, state: int, running: int) -> dict[str, int]:
    """Bytes in a run's folder by what they are for, at most: as if every trial were on the front, whose weights alone are kept.

    Args:
        spec: the search.
        weights: of a net, in bytes.
        state: a checkpoint, in bytes.
        running: trainings at a time, each with two checkpoints; a trial that waits at a rung has one.
    """
    trials = trials_to_run(spec)
    ladder = Ladder(spec.scheduler, objectives_of(spec.select), spec.epochs, spec.scheduler_options)
    return {
        "checkpoints": state * (2 * running + ladder.most_waiting(trials)),
        "weights": weights * (1 + trials + most_retrainings(spec.select, spec.final_seeds)),
    }


def want_of_room(spec: SearchSpec, place: Place, info: Info) -> list[str]:
    """A sentence where the disk may fill up before the end of a search that has not begun; reckoned with the plain model."""
    if RunFolder.of(place).holds_search:
        return []
    plain = build_net(spec.baseline(), info, torch.device("cpu"), pretrained=False)
    weights = sum(tensor.nbytes for tensor in plain.state_dict().values())
    needed = disk_of(spec, weights, _STATES * weights, min(abreast(place), most_trainings(spec)))
    runs = Path(place.runs)
    free = shutil.disk_usage(next(folder for folder in (runs, *runs.absolute().parents) if folder.is_dir())).free
    if sum(needed.values()) <= free:
        return []
    parts = " and ".join(f"{size / GIB:.2g} GiB of {name}" for name, size in needed.items())
    return [f"--runs {runs} has {free / GIB:.2g} GiB free, and this search may fill up to {parts}: it pauses when the disk is full"]
