"""How well an estimate from validation counts ranks settings by their test DEO_M."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from benchmarks.search_efficiency.estimates import ESTIMATES, Estimate
from benchmarks.search_efficiency.table import FLOOR_BELOW_BASELINE, Table, pooled
from fairtune.records import Floats, GroupCounts, Ints
from fairtune.seeding import generator

Look = Callable[[Table, int, Sequence[int]], GroupCounts]
_AT_CHANCE = 0.5
_BOOTSTRAP = 300


class Pool(NamedTuple):
    """What counts an estimate is made of.

    Attributes:
        name: what it is.
        groups: the replicates whose counts are taken together, one group for each estimate of a setting.
        look: the counts of a setting in a group.
    """

    name: str
    groups: Sequence[Sequence[int]]
    look: Look


class Row(NamedTuple):
    """How an estimate ranks, each with its bootstrap interval over settings.

    Attributes:
        pool, estimate: which.
        correlation: Spearman's, with the truth: the mean test DEO_M over the replicates that the estimate does not see.
        regret: truth of the setting with the least estimate, above the least truth.
        values: how many different values the estimate has among the settings.
    """

    pool: str
    estimate: str
    correlation: tuple[float, float, float]
    regret: tuple[float, float, float]
    values: float


def pools(table: Table) -> Iterator[Pool]:
    """Last and pooled epochs and averaged weights of one training; several seeds on one split; several splits."""
    alone = [[number] for number in range(len(table.replicates))]
    yield Pool("last epoch", alone, _last)
    yield Pool("last 5 epochs", alone, lambda table, setting, group: _epochs(table, setting, group, 5))
    yield Pool("last 10 epochs", alone, lambda table, setting, group: _epochs(table, setting, group, 10))
    yield Pool("averaged weights", alone, lambda table, setting, group: table.averaged.at(setting, group[0]))
    same_split = list(_grouped([found.split for found in table.replicates], 2))
    if same_split:
        yield Pool("2 seeds, 1 split", same_split, _last)
    for size in (2, 3):
        other_splits = [group[:size] for group in _grouped([found.seed for found in table.replicates], size)]
        if other_splits and len(table.replicates) > size:
            yield Pool(f"{size} splits", other_splits, _last)


def comparable(table: Table) -> Ints:
    """The settings among which a choice is hard: on the test split as accurate as the floor, on average."""
    accuracy = table.test_accuracy.mean(axis=1)
    kept: Ints = np.flatnonzero(accuracy >= accuracy[0] - FLOOR_BELOW_BASELINE)
    return kept[kept > 0]


def study(table: Table, estimates: Mapping[str, Estimate] = ESTIMATES) -> Iterator[Row]:
    """Every estimate of every pool."""
    settings = comparable(table)
    for pool in pools(table):
        truths = [table.without(table.test_deo_m, group)[settings] for group in pool.groups]
        counts = [[pool.look(table, setting, group) for setting in settings] for group in pool.groups]
        for name, estimate in estimates.items():
            found = [np.round([estimate(one) for one in of_group], 12) for of_group in counts]
            yield _row(pool.name, name, found, truths)


def _row(pool: str, name: str, estimates: Sequence[Floats], truths: Sequence[Floats]) -> Row:
    pairs = list(zip(estimates, truths, strict=True))
    rng = generator(0, "bootstrap")
    drawn = [rng.integers(len(truths[0]), size=len(truths[0])) for _ in range(_BOOTSTRAP)]

    def spread(of: Callable[[Floats, Floats], float]) -> tuple[float, float, float]:
        means = [np.mean([of(estimate[kept], truth[kept]) for estimate, truth in pairs]) for kept in drawn]
        low, high = np.quantile(means, [0.025, 0.975])
        return float(np.mean([of(estimate, truth) for estimate, truth in pairs])), float(low), float(high)

    different = float(np.mean([len(np.unique(estimate)) for estimate in estimates]))
    return Row(pool, name, spread(_correlation), spread(_regret), different)


def _correlation(estimate: Floats, truth: Floats) -> float:
    """Spearman's; 0 where the estimate is the same for all."""
    a, b = (rankdata(values) - (len(values) + 1) / 2 for values in (estimate, truth))
    length = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / length if length > 0 else 0.0


def _regret(estimate: Floats, truth: Floats) -> float:
    """Where several settings have the least estimate, their mean."""
    return float(truth[estimate == estimate.min()].mean() - truth.min())


def _last(table: Table, setting: int, group: Sequence[int]) -> GroupCounts:
    return pooled(table.last(setting, number) for number in group)


def _epochs(table: Table, setting: int, group: Sequence[int], epochs: int) -> GroupCounts:
    """The mean counts of the last epochs of one training: they are of the same samples, so no more than one epoch's."""
    several = pooled(table.val.at(setting, group[0], table.length - 1 - back) for back in range(epochs))
    return GroupCounts(several.hard / epochs, several.soft / epochs)  # type: ignore[arg-type]  # shares of a sample


def _grouped(keys: Sequence[int], size: int) -> Iterator[list[int]]:
    """Replicates of the same key, in groups of a size."""
    for key in sorted(set(keys)):
        members = [number for number, found in enumerate(keys) if found == key]
        yield from (members[first : first + size] for first in range(0, len(members) - size + 1, size))
