"""The files of one training, each a property."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fairtune.spec import TrialResult, TrialSpec


@dataclass(frozen=True)
class TrialFolder:
    """The files of one trial."""

    path: Path

    @property
    def checkpoint(self) -> Path:
        """State of a training in progress; gone when it has ended."""
        return self.path / "checkpoint.pt"

    @property
    def weights(self) -> Path:
        """The trained net's parameters."""
        return self.path / "weights.safetensors"

    @property
    def result(self) -> Path:
        """The :class:`TrialResult`; it is there if and only if the trial has completed."""
        return self.path / "trial.json"

    @property
    def lock(self) -> Path:
        """Taken by the process that trains what others may want to train too."""
        return self.path / ".lock"

    def read_result(self) -> TrialResult | None:
        """The result of a trial that has ended, else None."""
        return TrialResult.model_validate_json(self.result.read_text()) if self.result.is_file() else None

    def read_trained(self) -> TrialResult | None:
        """The result of a training whose weights are here too, else None."""
        return self.read_result() if self.weights.is_file() else None


def baseline_folder(runs: Path, spec: TrialSpec) -> TrialFolder:
    """Where a baseline lives, shared by all runs: found by content."""
    return TrialFolder(runs / "baselines" / spec.id)
