"""Plain training: the baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fairtune.methods._base import Method


@dataclass
class Scratch(Method):
    """Plain cross-entropy on shuffled batches: the baseline, and the teacher of every distillation method.

    L = CE(z, y), the mean over the batch. No hyperparameters.
    """

    per_sample: ClassVar[bool] = True
