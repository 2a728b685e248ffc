"""Trains what a table holds, a file for each training, and goes on where it was stopped."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from benchmarks.search_efficiency.grids import Recorded, Replicate, Setting
from fairtune.errors import Diverged
from fairtune.files import write_atomically
from fairtune.records import GroupCounts, Purpose
from fairtune.spec import TrialSpec
from fairtune.training.assembly import assemble
from fairtune.training.data import Data, open_data_once
from fairtune.training.evaluate import evaluate
from fairtune.training.folder import baseline_folder
from fairtune.training.loop import Training
from fairtune.training.trial import Trial, run_trial

AVERAGED_SHARE = 0.25
"""Of the epochs, whose last weights are averaged."""
_CPU = torch.device("cpu")


def record(recorded: Recorded, folder: Path, root: Path, *, processes: int = 1, tell: Callable[[str], None] = print) -> None:
    """Train what is missing in a table.

    Args:
        recorded: what it holds.
        folder: of the table; a training that is there is not repeated.
        root: of the original data files.
        processes: how many trainings at a time, each on one thread.
        tell: is told how far it is, after every replicate.
    """
    with contextlib.ExitStack() as stack:
        each: Callable[..., Iterable[bool]] = map
        if processes > 1:
            pool = multiprocessing.get_context("spawn").Pool(processes, torch.set_num_threads, (1,))
            each = stack.enter_context(pool).imap_unordered
        sum(each(partial(_train_baseline, recorded, folder, root), range(recorded.splits)))
        for replicate in recorded.replicates():
            began = time.perf_counter()
            new = sum(each(partial(_train, recorded, folder, root, replicate), recorded.settings()))
            took = time.perf_counter() - began
            tell(f"{recorded.dataset}, split {replicate.split}, seed {replicate.seed}: {new} new trainings in {took:.0f} s")


def training_file(folder: Path, spec: TrialSpec) -> Path:
    """Where a training of a table is kept."""
    return folder / "trainings" / f"{spec.id}.npz"


def _train_baseline(recorded: Recorded, folder: Path, root: Path, split: int) -> bool:
    """Train the teacher of a split unless it is there."""
    spec = recorded.search(split, root).baseline()
    kept = baseline_folder(folder, spec)
    if kept.read_trained() is not None:
        return False
    result = run_trial(Trial(spec, kept, data_root=root, runs=folder, device=_CPU, purpose=Purpose.SEARCH))
    if result.state != "complete":
        raise SystemExit(f"the baseline of split {split} failed: {result.error}")
    return True


def _train(recorded: Recorded, folder: Path, root: Path, replicate: Replicate, setting: Setting) -> bool:
    """Train a setting unless it is there; a training that diverges is kept without the epochs that it did not reach."""
    spec = recorded.training(setting, replicate, root)
    file = training_file(folder, spec)
    if file.exists():
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    data = open_data_once(spec, root, Purpose.FINAL)
    tables = _tables(assemble(spec, data, runs=folder, device=_CPU), data)
    write_atomically(file, lambda path: _save(path, tables))
    return True


def _tables(training: Training, data: Data) -> dict[str, GroupCounts | list[GroupCounts]]:
    """Counts of every epoch on the validation split and, in the end, of the last and the averaged weights on both splits."""
    spec, epochs = training.spec, list[GroupCounts]()
    averaged = AveragedModel(training.net)
    try:
        while not training.done:
            training.run_epoch()
            assert training.counts is not None
            epochs.append(training.counts)
            if training.epoch > spec.epochs * (1 - AVERAGED_SHARE):
                averaged.update_parameters(training.net)
    except Diverged:
        return {"epochs": epochs}
    assert data.test is not None
    test = data.on(_CPU, training.train.dtype, data.test)

    def counts(net: nn.Module, *, on_test: bool) -> GroupCounts:
        return evaluate(net, test if on_test else training.validation, precision=spec.precision).counts

    mean = averaged.module
    return {
        "epochs": epochs,
        "test": counts(training.net, on_test=True),
        "averaged": counts(mean, on_test=False),
        "averaged_test": counts(mean, on_test=True),
    }


def _save(path: Path, tables: dict[str, GroupCounts | list[GroupCounts]]) -> None:
    arrays: dict[str, np.ndarray] = {}
    for name, found in tables.items():
        several = found if isinstance(found, list) else [found]
        arrays[f"{name}_hard"] = np.array([counts.hard for counts in several], dtype=np.int32)
        arrays[f"{name}_soft"] = np.array([counts.soft for counts in several], dtype=np.float32)
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
