"""A band that holds the true scores of all nets of a front at once, though they were picked by the samples that score them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from fairtune.metrics import SCORES, Number, within_at_once
from fairtune.spec import TrialResult
from fairtune.study.study import SearchStudy

LEVEL = 0.95


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Rectangle(_Part):
    """Where the true scores of one trial's net lie, together with those of all others of the front.

    Attributes:
        trial: its number.
        low, high: the ends by score; of the mean over its nets where it has several.
    """

    trial: int
    low: dict[str, Number]
    high: dict[str, Number]

    def ends(self, score: str) -> tuple[float, float]:
        """Of one score; NaN where it has none."""
        return self.low.get(score, math.nan), self.high.get(score, math.nan)


class Band(_Part):
    """See :func:`fairtune.metrics.within_at_once`.

    Attributes:
        level: with which all rectangles hold at once, whatever trials were picked.
        nets: scored on validation, of all trials: what the front was picked from, and what the risk is shared among.
        rectangles: of each trial of the front whose counts are kept, in the order of the front.
    """

    level: float
    nets: int
    rectangles: list[Rectangle]

    def of(self, number: int) -> Rectangle | None:
        """A trial's rectangle; None for one that has none."""
        return next((one for one in self.rectangles if one.trial == number), None)


def band(study: SearchStudy, numbers: Sequence[int], objectives: Sequence[str]) -> Band | None:
    """Of the trials of a front, in accuracy and the objectives as far as these have limits; None without such trials.

    Args:
        study: the search's record.
        numbers: of the trials.
        objectives: of its rule.
    """
    names = [name for name in dict.fromkeys(("accuracy", *objectives)) if SCORES[name].limits is not None]
    nets = sum(max(1, len(record.scored)) for record in study.records() if record.val)
    kept = [(number, study.nets_of(number)) for number in numbers]
    rectangles = [_rectangle(number, of, names, nets * len(names)) for number, of in kept if of]
    return Band(level=LEVEL, nets=nets, rectangles=rectangles) if rectangles else None


def _rectangle(number: int, nets: Sequence[TrialResult], names: Sequence[str], among: int) -> Rectangle:
    counts = [net.counts("val") for net in nets]
    found = {
        name: within_at_once(SCORES[name], counts, [net.val.get(name, math.nan) for net in nets], among=among, level=LEVEL)
        for name in names
    }
    low, high = ({name: limits[end] for name, limits in found.items()} for end in (0, 2))
    return Rectangle(trial=number, low=low, high=high)
