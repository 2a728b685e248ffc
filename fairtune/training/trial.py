"""The life of a trial: run, kept in checkpoints, finished or failed."""

from __future__ import annotations

import math
import pickle
import platform
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from safetensors.torch import save_file

from fairtune.batches.split import DeviceSplit
from fairtune.errors import DataError, Diverged, FairtuneError, NoRoom, SearchFault
from fairtune.files import is_whole
from fairtune.metrics import Weighting, only_class
from fairtune.records import GroupCounts, Purpose, Split
from fairtune.spec import Compile, Epoch, Room, State, TrialResult, TrialSpec
from fairtune.spec.answers import pack
from fairtune.training.assembly import assemble
from fairtune.training.capture import capture
from fairtune.training.data import open_data_once
from fairtune.training.device import forget_peak_memory, keep_float32_exact, peak_memory_mb
from fairtune.training.evaluate import Evaluation, evaluate
from fairtune.training.fault import fault_of_search, is_out_of_memory
from fairtune.training.folder import TrialFolder
from fairtune.training.loop import TrainingState
from fairtune.training.moving import move
from fairtune.training.probe import probe
from fairtune.training.steps import NowAndThen, leave_step

CHECKPOINT_EVERY_S = 15.0
"""What a training loses at most when its process is killed, or an epoch if that is longer."""
_STEP_EVERY_S = 1.0
_SHARE_OF_TIME = 0.02
"""What checkpoints may take of a training's time; where they take less, they are kept more often."""


class Checkpoint(TypedDict):
    """A training after an epoch, with what its trial has come to."""

    id: str
    training: TrainingState
    history: list[dict[str, object]]
    seconds_before: float
    counts: dict[str, object] | None


class Trial:
    """A trial under way.

    Args:
        spec: the trial.
        folder: where its files go; a checkpoint found there is continued.
        data_root: folder of the original data files.
        runs: folder of all runs, where the baselines live.
        device: where to compute.
        purpose: what it is trained for; says what its net is asked in the end, and whether the test split is opened.
        how: the step is compiled.
        gpus: that it has, may be a fraction; only noted in its result.
        on_step: told of each step; None leaves the latest in the folder, about once a second.
    """

    def __init__(
        self,
        spec: TrialSpec,
        folder: TrialFolder,
        *,
        data_root: Path,
        runs: Path,
        device: torch.device,
        purpose: Purpose = Purpose.SEARCH,
        how: Compile = "auto",
        gpus: float | None = None,
        on_step: NowAndThen | None = None,
    ) -> None:
        began = time.perf_counter()
        forget_peak_memory(device)
        keep_float32_exact()
        self.spec = spec
        self.folder = folder
        self.device = device
        self.purpose = purpose
        self.gpus = gpus
        self.data = open_data_once(spec, data_root, purpose)
        self.history: list[Epoch] = []
        self.training = assemble(spec, self.data, runs=runs, device=device)
        capture(self.training, how)
        self.training.on_step = on_step or NowAndThen(partial(leave_step, folder.step), _STEP_EVERY_S)
        self._seconds_before = self._restore()
        self._saved_epochs = len(self.history)
        self._saved_at = time.perf_counter()
        self._saving_s = 0.0
        self._seconds_before += self._saved_at - began

    @property
    def done(self) -> bool:
        """Whether all epochs have been trained."""
        return self.training.done

    def run_epoch(self) -> None:
        """Train one epoch, score it, and save a checkpoint unless another epoch can be risked; always after the first.

        Raises:
            Diverged: a loss or an output of the net is not finite.
        """
        began = time.perf_counter()
        self.history.append(self.training.run_epoch())
        now = time.perf_counter()
        if not self.done and _is_due(now - self._saved_at, now - began, self._saving_s):
            self.save_checkpoint()

    def result(self, state: State, error: str | None = None) -> TrialResult:
        """Where the trial stands."""
        return TrialResult(
            spec=self.spec,
            state=state,
            history=tuple(self.history),
            val=self.history[-1].val if self.history else {},
            val_counts=self.training.counts,
            only_class=None if self.training.counts is None else only_class(self.training.counts),
            seconds=self._seconds_before + sum(epoch.seconds for epoch in self.history),
            gpus=self.gpus,
            peak_memory_mb=peak_memory_mb(self.device),
            error=error,
            versions=_versions(),
        )

    def finish(self) -> TrialResult:
        """Keep the weights and the result of a trial whose epochs are all trained, once its net was asked what its purpose asks.

        Raises:
            Diverged: an output of the net is not finite.
        """
        result = self.result("complete")
        result = result.model_copy(update={"val": result.val | self._probed(self.training.validation, self.data.weighting)})
        if self.data.test is not None:
            scored, found = self._tested(self.data.test)
            answers = pack(scored.predicted.cpu().numpy(), self.data.test.y, self.data.test.a)
            tested = {"test": found, "test_counts": scored.counts, "test_answers": answers}
            result = result.model_copy(update=tested | self._moved(self.data.test))
        weights = {name: tensor.contiguous() for name, tensor in self.training.net.state_dict().items()}
        self.folder.keep_trained(lambda path: save_file(weights, path), result)
        return result

    def _tested(self, split: Split) -> tuple[Evaluation, dict[str, float]]:
        """The trained net's predictions on the test split, and all its scores there."""
        test = self.data.on(self.device, self.training.train.dtype, split)
        scored = evaluate(self.training.net, test)
        return scored, scored.scores("samples") | self._probed(test, "samples")

    def _moved(self, split: Split) -> dict[str, object]:
        """What the trained net scores on the test split once its decisions are moved, if that is asked for."""
        if not self.purpose.adjusts:
            return {}
        test = self.data.on(self.device, self.training.train.dtype, split)
        try:
            return {"moved": move(self.training.net, self.training.validation, test, self.data)}
        except (DataError, np.linalg.LinAlgError) as error:
            return {"immovable": str(error)}

    def _probed(self, split: DeviceSplit, weighting: Weighting) -> dict[str, float]:
        """What the trained net's embedding says about the group, as far as the purpose asks and it can be told."""
        if not self.purpose.probes:
            return {}
        found = probe(self.training.net, split, weighting=weighting)
        return {name: value for name, value in found.items() if math.isfinite(value)}

    def fail(self, error: Exception) -> TrialResult:
        """The result of a trial that cannot go on.

        Its checkpoint, perhaps of a net beyond repair, goes, unless the error is no fault of the net's: it may be gone on with.
        """
        stopped = unable(self.spec, error)
        if stopped.state == "failed" and not stopped.starved:
            with suppress(SearchFault):  # whoever hears of the failure removes them too
                self.folder.drop_checkpoints()
        found = {name: getattr(stopped, name) for name in ("state", "error", "lacks", "starved")}
        return self.result("running").model_copy(update=found)

    def save_checkpoint(self) -> None:
        """Keep all that the next epoch depends on, unless it is kept already."""
        if self._saved_epochs == len(self.history):
            return
        began = time.perf_counter()
        state: Checkpoint = {
            "id": self.spec.id,
            "training": self.training.state_dict(),
            "history": [epoch.model_dump() for epoch in self.history],
            "seconds_before": self._seconds_before,
            "counts": self.training.counts.to_json() if self.training.counts else None,
        }
        self.folder.keep_checkpoint(partial(_write_state, state))
        self._saved_at, self._saved_epochs = time.perf_counter(), len(self.history)
        self._saving_s = self._saved_at - began

    def _restore(self) -> float:
        """Go on from the last whole checkpoint if there is one of this trial; returns the seconds spent outside epochs so far."""
        self.folder.take_checkpoint()
        state = next((found for path in self.folder.checkpoints if (found := self._read_checkpoint(path)) is not None), None)
        if state is None:
            return 0.0
        self.training.load_state_dict(state["training"])
        self.training.counts = None if state["counts"] is None else GroupCounts.from_json(state["counts"])
        self.history = [Epoch.model_validate(epoch) for epoch in state["history"]]
        return float(state["seconds_before"])

    def _read_checkpoint(self, path: Path) -> Checkpoint | None:
        """A state of this trial; None if there is none, it is torn, or another trial's."""
        if not is_whole(path):
            return None
        try:
            state: Checkpoint = torch.load(path, map_location=self.device, weights_only=True)
        except (RuntimeError, OSError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
            if is_out_of_memory(error):
                raise
            return None
        return state if state["id"] == self.spec.id else None


def _write_state(state: Checkpoint, path: Path) -> None:
    with path.open("wb") as file:  # given the path, torch would not say that a disk is full
        torch.save(state, file)


def _is_due(unsaved_s: float, epoch_s: float, saving_s: float) -> bool:
    """Whether to save a checkpoint now, rather than risk another epoch.

    Args:
        unsaved_s: since the last one.
        epoch_s: that the last epoch took.
        saving_s: that the last checkpoint took; 0 if there was none.
    """
    return unsaved_s + epoch_s > min(CHECKPOINT_EVERY_S, saving_s / _SHARE_OF_TIME)


def run_trial(trial: Trial, report: Callable[[TrialResult], None] = lambda result: None) -> TrialResult:
    """Run a trial to its end in this process.

    Args:
        trial: the trial.
        report: called after each epoch with where the trial stands.
    """
    try:
        while not trial.done:
            trial.run_epoch()
            report(trial.result("running"))
        return trial.finish()
    except Exception as error:
        return trial.fail(error)


def failed(spec: TrialSpec, error: str) -> TrialResult:
    """The result of a trial that could not be run."""
    return TrialResult(spec=spec, state="failed", error=error, versions=_versions())


def unable(spec: TrialSpec, error: Exception) -> TrialResult:
    """The result of a trial that an error keeps from being run: it has failed, or it waits if the fault is the search's."""
    fault = fault_of_search(error)
    if fault is None:
        return failed(spec, describe(error)).model_copy(update={"starved": is_out_of_memory(error)})
    lacks = Room(folder=str(fault.folder), bytes=fault.needed) if isinstance(fault, NoRoom) else None
    return failed(spec, str(fault)).model_copy(update={"state": "waiting", "lacks": lacks})


def describe(error: Exception) -> str:
    """Why a trial failed: a sentence for what is expected to happen, the traceback for what is not."""
    if isinstance(error, Diverged | FairtuneError):
        return str(error)
    if isinstance(error, torch.OutOfMemoryError):
        return f"out of GPU memory: lower --batch-size or raise --gpus-per-trial ({str(error).partition('.')[0]})"
    if is_out_of_memory(error):
        return f"out of memory: lower --batch-size or --max-concurrent ({str(error).partition('.')[0] or 'MemoryError'})"
    return "".join(traceback.format_exception(error)).strip()


@lru_cache
def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), "torch": torch.__version__, "fairtune": version("fairtune")}
