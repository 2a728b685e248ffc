"""How many settings that are accurate enough in the end are expected at an earlier epoch to miss the floor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.search_efficiency.ranking import comparable
from benchmarks.search_efficiency.replay import Scores
from benchmarks.search_efficiency.table import Table
from fairtune.schedulers import Scheduler

FAIREST = 20


def below_early_floors(table: Table, scheduler: str = "pareto_asha") -> Iterator[tuple[int, float, float]]:
    """At each rung of a scheduler, and the end: which share of the fairest settings misses the floor there, and of the others.

    Args:
        table: the table.
        scheduler: whose rungs.

    Yields:
        The epoch and two shares in [0, 1].
    """
    settings = comparable(table)
    fairest_first = settings[np.argsort(table.test_deo_m[settings].mean(axis=1))].tolist()
    replicates = [Scores(table, replicate, "DEO_M") for replicate in range(len(table.replicates))]
    rungs = Scheduler.load(scheduler).build(("accuracy", "deo_m")).rungs(table.length)
    for epoch in (*rungs, table.length):
        yield epoch, _below(replicates, fairest_first[:FAIREST], epoch), _below(replicates, fairest_first[FAIREST:], epoch)


def _below(replicates: Sequence[Scores], settings: Sequence[int], epoch: int) -> float:
    found = [
        [scores.baseline.lacking(scores.at(setting, epoch)["accuracy"], epoch, scores.epochs) > 0 for setting in settings]
        for scores in replicates
    ]
    return float(np.mean(found))
