"""What a search ranks its trials by: the scores of its objectives, and the estimates that vary less from one split to another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from fairtune.metrics import BOUNDS, SCORES
from fairtune.rules import Rule
from fairtune.spec import TrialResult


class Estimates:
    """Adds to the scores of trainings what a search ranks by.

    Args:
        objectives: the scores that are searched.
        rule: whose bounds are among them.
    """

    def __init__(self, objectives: Sequence[str], rule: Rule) -> None:
        self._objectives = objectives
        self._rule = rule

    def rankable(self, result: TrialResult) -> TrialResult:
        """A result with the estimates that searches rank by; failed where what a complete one is to be ranked by is not finite."""
        if result.state != "complete":
            return result
        values = [result.val.get(name, math.nan) for name in self._objectives]
        if all(math.isfinite(value) for value in values):
            return self.added_to(result)
        scores = ", ".join(f"{name} {value}" for name, value in zip(self._objectives, values, strict=True))
        return result.model_copy(update={"state": "failed", "error": f"the scores are not finite: {scores}"})

    def added_to(self, result: TrialResult) -> TrialResult:
        """A result with the estimates of its objectives and the rule's bounds, as far as its counts tell them."""
        if result.val_counts is None:
            return result
        measured = {name: value for name, value in result.val.items() if name not in BOUNDS}
        estimates = {name: SCORES[name].of(result.val_counts) for name in self.lacking(measured)}
        return result.model_copy(update={"val": measured | estimates | self._rule.bound(result.val_counts, measured)})

    def lacking(self, val: Mapping[str, float]) -> list[str]:
        """The estimates that are not among some scores."""
        return [name for objective in self._objectives if (name := SCORES[objective].estimate) and name not in val]
