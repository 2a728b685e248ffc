"""Strategic sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from fairtune.methods._base import Method


@dataclass
class StrategicSampling(Method):
    """Plain cross-entropy on batches filled equally from every (label, group) cell (strategic sampling, SS).

    A sampling rule without loss terms; ``ss+hkd`` adds it to another method. Source: S. Jung et al., "Fair Feature
    Distillation for Visual Recognition", CVPR 2021, section 5.1.

    Where we differ from the authors' code (``protocol: official`` reproduces it): their sampler emits blocks of
    ``B // cells`` per cell that the loader cuts into batches of B, so that batches are balanced only if the number of cells
    divides B, and makes the epoch as long as the largest cell demands (1.6 times the steps on CIFAR-10S). Ours makes every
    batch exactly balanced and the epoch as long as that of plain training.
    """

    citation: ClassVar[str] = "S. Jung, D. Lee, T. Park, T. Moon, Fair Feature Distillation for Visual Recognition, CVPR 2021"

    sampling: ClassVar[Literal["uniform", "balanced"]] = "balanced"
    in_blocks: ClassVar[bool] = True
    per_sample: ClassVar[bool] = True
