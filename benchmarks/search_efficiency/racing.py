"""Racing: the most promising settings of a search are trained again elsewhere before one is chosen."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.search_efficiency.estimates import ESTIMATES
from benchmarks.search_efficiency.measures import Truth
from benchmarks.search_efficiency.replay import Trained
from benchmarks.search_efficiency.table import FLOOR_BELOW_BASELINE, Table, pooled
from fairtune.metrics import accuracy


def race(table: Table, replicate: int, truth: Truth, trained: Sequence[Trained], *, estimate: str, epochs: int) -> int | None:
    """The setting that is best over several trainings.

    Args:
        table: the table.
        replicate: on which the settings were searched.
        truth: says which other replicates are left to the search; those on another split come first.
        trained: the search's trials.
        estimate: what settings are ranked by, of their trainings' counts together.
        epochs: what may be spent on more trainings.

    Returns:
        None if no trial is feasible.
    """
    rank = ESTIMATES[estimate]
    more = sorted((other for other in truth.left if other != replicate), key=lambda other: _same_split(table, replicate, other))
    trainings = epochs // table.length
    feasible = sorted((trial for trial in trained if trial.view.feasible), key=lambda trial: trial.view.costs("deo_m", "accuracy"))
    if not feasible:
        return None
    candidates = [trial.setting for trial in feasible[: max(1, trainings // len(more))]]
    used = more[: trainings // len(candidates)]

    def standing(setting: int) -> tuple[bool, float]:
        counts = pooled(table.last(setting, number) for number in (replicate, *used))
        floor = accuracy(pooled(table.last(0, number) for number in (replicate, *used)), weighting="cells") - FLOOR_BELOW_BASELINE
        return accuracy(counts, weighting="cells") < floor, rank(counts)

    return min(candidates, key=standing)


def _same_split(table: Table, one: int, other: int) -> bool:
    return table.replicates[one].split == table.replicates[other].split
