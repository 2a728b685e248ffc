"""A worker that sleeps in place of training, without torch: many of them fit into a machine that could not train so many nets."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any  # Ray's type of a configuration

import fairtune.search  # noqa: F401  sets what Ray reads as it is imported

# isort: split
from ray import tune

NOTES = "FAIRTUNE_FEEDING_NOTES"
"""Variable that names the folder in which each worker notes its sleeps."""
RESULT = "FAIRTUNE_FEEDING_RESULT"
"""Variable that names the file with a training's result, which every trial's is made of."""


def sleep_an_epoch(number: int, seconds: float) -> None:
    """Sleep, and note when."""
    began = time.time()
    time.sleep(seconds)
    with (Path(os.environ[NOTES]) / str(os.getpid())).open("a") as file:
        file.write(f"{number} {began} {time.time()}\n")


class Sleeper(tune.Trainable):
    """Reports as :class:`fairtune.search.trainable.TrialTrainable` does."""

    _job: Mapping[str, Any]
    _epoch: int = 0

    def setup(self, config: Mapping[str, Any]) -> None:
        """Begin the first job."""
        self._result = json.loads(Path(os.environ[RESULT]).read_text())
        self.reset_config(config)

    def reset_config(self, new_config: Mapping[str, Any]) -> bool:
        """Begin another job in the same actor."""
        self._spec, self._epoch = json.loads(new_config["job"]["spec"]), 0
        return True

    def step(self) -> dict[str, object]:
        """Sleep for an epoch, and report."""
        values = self._spec["values"]
        sleep_an_epoch(self._epoch, values["Sleeping.pace"] * values["Sleeping.epoch_s"])
        self._epoch += 1
        done = self._epoch == self._spec["epochs"]
        told = {"spec": self._spec, "history": self._result["history"][: self._epoch], "state": "complete" if done else "running"}
        return {"trial": json.dumps(self._result | told), "done": done, "epoch": self._epoch, "must_go": False}

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, object]:
        """Nothing."""
        return {}

    def load_checkpoint(self, checkpoint: object) -> None:
        """Nothing."""
