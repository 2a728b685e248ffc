"""How likely what validation shows of the front is true of its nets."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from fairtune.metrics import SCORES, Drawn, Number, chance_of_dominating, draw_truths
from fairtune.spec import TrialResult
from fairtune.study.study import SearchStudy


class Chance(BaseModel):
    """What the validation samples leave open of one trial's net, on the average where it has several.

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
    """Of some complete trials, those whose counts are kept; of a trial with several seeds, the mean over its nets."""
    plain: dict[str, Drawn | None] = {}
    found = []
    for number in numbers:
        nets = study.nets_of(number)
        baselines = [study.baseline_of(net.spec.id) for net in nets]
        for baseline in baselines:
            plain.setdefault(baseline.result.spec.id, _drawn(baseline.result, objectives))
        pairs = list(zip(nets, baselines, strict=True))
        if pairs:
            feasible = statistics.fmean(_reaches(net, baseline.floor) for net, baseline in pairs)
            dominates = statistics.fmean(
                chance_of_dominating(_drawn(net, objectives), plain[baseline.result.spec.id]) for net, baseline in pairs
            )
            found.append(Chance(trial=number, feasible=feasible, dominates=dominates))
    return found


def _reaches(net: TrialResult, floor: float) -> float:
    accuracy, counts = SCORES["accuracy"], net.counts("val")
    return accuracy.chance_of(counts, floor, accuracy.weighting_of(counts, net.val["accuracy"]))


def _drawn(result: TrialResult, objectives: tuple[str, ...]) -> Drawn | None:
    scores = [SCORES[name] for name in objectives]
    values = [result.val.get(name, float("nan")) for name in objectives]
    return None if result.val_counts is None else draw_truths(scores, result.val_counts, values)
