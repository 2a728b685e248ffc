"""The files of one training, each a property."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from safetensors import SafetensorError, safe_open

from fairtune.errors import SearchFault
from fairtune.files import is_whole, move_sealed, remove, write_sealed
from fairtune.spec import TrialResult, TrialSpec
from fairtune.storage import Shelf


@dataclass(frozen=True)
class TrialFolder:
    """The files of one trial.

    Args:
        path: the folder.
        shelf: where they are left for other machines, if those do not see the folder.
    """

    path: Path
    shelf: Shelf | None = None

    @property
    def checkpoint(self) -> Path:
        """State of a training in progress; gone when it has ended."""
        return self.path / "checkpoint.pt"

    @property
    def checkpoint_before(self) -> Path:
        """The state before that one, for the case that it is torn."""
        return self.path / "checkpoint-before.pt"

    @property
    def checkpoints(self) -> tuple[Path, Path]:
        """Where states are, the latest first."""
        return self.checkpoint, self.checkpoint_before

    @property
    def weights(self) -> Path:
        """The trained net's parameters."""
        return self.path / "weights.safetensors"

    @property
    def result(self) -> Path:
        """The :class:`TrialResult`; it is there if and only if the trial has completed."""
        return self.path / "trial.json"

    @property
    def tested(self) -> Path:
        """The result of a baseline that was trained to be tested, for all searches that test it."""
        return self.path / "tested.json"

    @property
    def tested_weights(self) -> Path:
        """The parameters of its net."""
        return self.path / "tested.safetensors"

    @property
    def openings(self) -> Path:
        """When the test split was opened for a net that belongs to no search."""
        return self.path / "openings.json"

    @property
    def hung(self) -> Path:
        """Where a process was that was ended because it hung; empty while one is watched."""
        return self.path / "hung.txt"

    @property
    def step(self) -> Path:
        """How far the epoch of a training in progress is; for people, nothing depends on it."""
        return self.path / ".step"

    @property
    def lock(self) -> Path:
        """Taken by the process that trains what others may want to train too."""
        return self.path / ".lock"

    def keep_checkpoint(self, write: Callable[[Path], object]) -> None:
        """Let ``write`` fill a new checkpoint; the one before stays beside it.

        Where the storage fails, the training goes on: the next one may get there.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        if is_whole(self.checkpoint):
            move_sealed(self.checkpoint, self.checkpoint_before)
        write_sealed(self.checkpoint, write)
        if self.shelf is not None:
            with suppress(SearchFault):
                self.shelf.put(self.checkpoint, keep=2)

    def take_checkpoint(self) -> None:
        """Have the latest state of this training that another machine has left, if any has."""
        if self.shelf is not None:
            self.shelf.take(self.checkpoint)

    def drop_checkpoints(self) -> None:
        """Remove the states of a training that has ended, and how far it was."""
        self.step.unlink(missing_ok=True)
        for checkpoint in self.checkpoints:
            remove(checkpoint)
        if self.shelf is not None:
            self.shelf.remove(self.checkpoint.name)

    def drop_checkpoint_before(self) -> None:
        """Remove all states of a training that waits but the latest."""
        remove(self.checkpoint_before)
        if self.shelf is not None:
            self.shelf.keep_latest(self.checkpoint.name)

    def remove(self) -> None:
        """Remove the folder, and what other machines were left of it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self.shelf is not None:
            self.shelf.clear()

    def keep_trained(self, write_weights: Callable[[Path], object] | None, result: TrialResult) -> None:
        """Keep the net, if there is a way to write it, and the result of a training that is complete; its checkpoints go."""
        self.path.mkdir(parents=True, exist_ok=True)
        if write_weights is not None:
            write_sealed(self.weights, write_weights)
        write_sealed(self.result, lambda path: path.write_text(result.model_dump_json(), encoding="utf-8"))
        for file in (self.weights, self.result):
            if self.shelf is not None and file.exists():
                self.shelf.put(file)
        self.drop_checkpoints()

    def keep_copied(self, weights: Path | None, result: TrialResult) -> None:
        """The same of a training that was done elsewhere: its net is a copy of this file; None where there is none."""
        self.keep_trained(None if weights is None else partial(shutil.copyfile, weights), result)

    def keep_tested(self, trained: TrialFolder, result: TrialResult) -> None:
        """Keep a copy of a tested baseline, trained in another folder."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_sealed(self.tested_weights, lambda path: shutil.copyfile(trained.weights, path))
        write_sealed(self.tested, lambda path: path.write_text(result.model_dump_json(), encoding="utf-8"))

    def read_tested(self) -> TrialResult | None:
        """The result of a tested baseline whose net is here too; None if there is none that is whole."""
        if not (is_whole(self.tested) and is_whole(self.tested_weights)):
            return None
        try:
            return TrialResult.model_validate_json(self.tested.read_bytes())
        except (OSError, ValueError):
            return None

    def take_home(self) -> None:
        """Have here, and nowhere else, what another machine has trained."""
        if self.shelf is not None:
            for file in (self.weights, self.result):
                self._take(file)
            self.shelf.clear()

    def read_result(self) -> TrialResult | None:
        """The result of a trial that has ended; None if there is none, or one that is torn."""
        if not self._take(self.result):
            return None
        try:
            return TrialResult.model_validate_json(self.result.read_bytes())
        except (OSError, ValueError):
            return None

    def read_ended(self, spec: TrialSpec) -> TrialResult | None:
        """The result of this very trial; None as for :meth:`read_result`, or if another one's is here."""
        result = self.read_result()
        return result if result is not None and result.spec.id == spec.id else None

    def read_trained(self) -> TrialResult | None:
        """The result of a training whose weights are here too, and whole, else None."""
        return self.read_result() if self.has_weights() else None

    def has_weights(self) -> bool:
        """Whether the trained net's parameters are here, and whole."""
        if not self._take(self.weights):
            return False
        try:
            with safe_open(self.weights, framework="numpy"):
                return True
        except (OSError, SafetensorError):
            return False

    def _take(self, file: Path) -> bool:
        """Whether a file is here and whole; another machine's, if that has left it."""
        if self.shelf is not None and not is_whole(file):
            self.shelf.take(file)
        return is_whole(file)


def baseline_folder(runs: Path, spec: TrialSpec, storage: str | None = None) -> TrialFolder:
    """Where a baseline lives, shared by all runs: found by content."""
    name = f"baselines/{spec.id}"
    return TrialFolder(runs / name, Shelf.of(storage, name))
