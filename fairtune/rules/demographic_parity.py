"""The trial that gives every group the same answers most nearly, if it is accurate enough."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._one_score import OneScore


class LowestDemographicParity(OneScore):
    """Smallest gap in how often groups are given a class among the feasible; of equals the most accurate, then the earliest.

    Labels do not enter: where groups differ in them, a perfect net has a gap.
    """

    objectives: ClassVar = ("accuracy", "demographic_parity")
