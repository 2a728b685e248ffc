"""How likely what validation shows of the front is true of its nets."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from fairtune.metrics import SCORES, Drawn, Number, chance_of_dominating, draw_truths
from fairtune.spec import TrialResult
from fairtune.study.study import SearchStudy


class Chance(BaseModel):
    """What the validation samples leave open of one trial's net.

    Attributes:
        trial: its number.
        feasible: how likely its true accuracy reaches the floor, that number being taken as it is.
        dominates: how likely it truly is better than the baseline in one objective and no worse in all; NaN where an objective does
            not follow from the answers alone.
    """

    model_config = ConfigDict(extra="forbid")

    trial: int
    feasible: Number
    dominates: Number


def chances(study: SearchStudy, numbers: Iterable[int], objectives: tuple[str, ...]) -> list[Chance]:
    """Of some complete trials, those whose counts are kept."""
    assert study.baseline is not None
    baseline, found = _drawn(study.baseline.result, objectives), []
    for number in numbers:
        result = study.result(number)
        if result is None or result.val_counts is None:
            continue
        accuracy, measured = SCORES["accuracy"], result.val["accuracy"]
        weighting = accuracy.weighting_of(result.val_counts, measured)
        reaches = accuracy.chance_of(result.val_counts, study.baseline.floor, weighting)
        dominates = chance_of_dominating(_drawn(result, objectives), baseline)
        found.append(Chance(trial=number, feasible=reaches, dominates=dominates))
    return found


def _drawn(result: TrialResult, objectives: tuple[str, ...]) -> Drawn | None:
    scores = [SCORES[name] for name in objectives]
    values = [result.val.get(name, float("nan")) for name in objectives]
    return None if result.val_counts is None else draw_truths(scores, result.val_counts, values)
