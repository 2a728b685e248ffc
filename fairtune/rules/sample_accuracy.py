"""The trial that is right most often, every sample counted alike."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._one_score import OneScore


class HighestSampleAccuracy(OneScore):
    """Highest share of correct predictions, every sample alike, among the feasible; of equals the most accurate, then the earliest.

    On a validation split that is skewed, accuracy weighs cells alike; this does not.
    """

    objectives: ClassVar = ("accuracy", "sample_accuracy")
