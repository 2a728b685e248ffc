"""What competes on one data set: the choice of every method, the plain baseline, and its thresholds moved without training."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from fairtune.errors import InvalidInput
from fairtune.metrics import SCORES, Difference, Interval, NetScore, compare, group_accuracy, only_class
from fairtune.records import GroupCounts
from fairtune.spec import Moved, TrialResult
from fairtune.study.choice import BASELINE
from fairtune.study.comparison import Compared, Search, SideBySide
from fairtune.study.retrained import collapsed_seeds, complete, retrainings_of
from fairtune.study.spent import Spent
from fairtune.study.summary import Summary

Kind = Literal["method", "baseline", "thresholds"]


class Entrant(NamedTuple):
    """One that competes.

    Attributes:
        name: the method, the baseline, or the way in which its thresholds are moved.
        kind: which of these.
        run: whose it is.
        trial: number of a method's choice; None for the others, and where nothing reached the floor.
        chosen: whether there is a choice; a method without one hands over the plain baseline, and is scored as that.
        collapsed: whether some net of it gives every test sample one class; a method's choice is then scored as the plain baseline,
            and moved thresholds do not compete.
        nets: what its retrainings came to on the test split, by seed.
        cost: what finding and confirming it took; the baseline's own trainings are in none but its own, and moving its thresholds
            takes none.
    """

    name: str
    kind: Kind
    run: str
    trial: int | None
    chosen: bool
    collapsed: bool
    nets: Mapping[int, TrialResult | Moved]
    cost: Spent

    def value(self, score: str, seed: int) -> float:
        """A score on the test split; NaN where there is none."""
        return (self.nets[seed].test or {}).get(score, math.nan)

    def mean(self, score: str, seeds: Sequence[int]) -> float:
        """Its mean over seeds."""
        return statistics.fmean(self.value(score, seed) for seed in seeds)

    def interval(self, score: str) -> Interval:
        """Of the score over all its nets."""
        counts, values = [_counts(net) for net in self.nets.values()], [self.value(score, seed) for seed in self.nets]
        return SCORES[score].over(counts, values, weighting="samples")

    def worst_group(self) -> int:
        """The group with the lowest accuracy, of all its nets together."""
        return int(np.nanargmin(group_accuracy(_sum([_counts(net) for net in self.nets.values()]))))

    def less(self, other: Entrant, score: str) -> Difference | None:
        """How its score differs from another's on the seeds of both; None if there are none."""
        seeds = [seed for seed in self.nets if seed in other.nets]
        if not seeds:
            return None
        return compare(SCORES[score], *([one.net_score(score, seed) for seed in seeds] for one in (self, other)))

    def net_score(self, score: str, seed: int) -> NetScore:
        """One of its nets for a paired comparison; which class moved thresholds gave each sample is not kept."""
        net = self.nets[seed]
        return NetScore(_counts(net), self.value(score, seed), net.answers if isinstance(net, TrialResult) else None)


def entrants(searches: Sequence[Search], found: SideBySide) -> list[Entrant]:
    """All that compete on one data set: methods by their searches in order, the baseline, and its moved thresholds.

    Raises:
        InvalidInput: two searches are of one method, or of baselines that differ.
    """
    _check(searches)
    confirmed = _baseline(searches)
    plain = [] if confirmed is None else [_plain(found, *confirmed)]
    moved = [] if confirmed is None else list(_moved(found.summaries, confirmed[1]))
    fallback = {} if confirmed is None else confirmed[1]
    methods = [_method(*one, fallback) for one in zip(found.summaries, found.compared, found.retrained, strict=True)]
    return [one for one in (*methods, *plain, *moved) if one.nets]


def _check(searches: Sequence[Search]) -> None:
    faults, seen = [], dict[str, str]()
    first = searches[0]
    for spec, place, *_ in searches:
        if spec.methods in seen:
            faults.append(f"{place.name} and {seen[spec.methods]} both search {spec.methods} on the same data: leave one out")
        seen[spec.methods] = place.name
        if spec.baseline().id != first.spec.baseline().id:
            faults.append(
                f"{place.name} and {first.place.name} have other baselines, as their net, epochs, batches or optimiser differ: "
                "methods are compared that have the same"
            )
    if faults:
        raise InvalidInput(faults)


def _baseline(searches: Sequence[Search]) -> tuple[str, dict[int, TrialResult]] | None:
    """The run that confirmed the baseline on most seeds, and what came of it."""
    found = [(place.name, complete(retrainings_of(spec, study).get(spec.baseline().id, {}))) for spec, place, study, _ in searches]
    most = max(found, key=lambda one: len(one[1]))
    return most if most[1] else None


def _plain(found: SideBySide, run: str, confirmed: dict[int, TrialResult]) -> Entrant:
    cost = next(one.baseline for one in found.compared if one.name == run)
    return Entrant(BASELINE, "baseline", run, None, True, bool(collapsed_seeds(confirmed)), confirmed, cost)


def _method(summary: Summary, compared: Compared, results: dict[int, TrialResult], fallback: Mapping[int, TrialResult]) -> Entrant:
    chosen, collapsed = bool(results), bool(compared.collapsed_seeds)
    none_to_choose = summary.complete and summary.chosen is None
    number = summary.chosen.number if chosen and summary.chosen is not None else None
    return Entrant(
        name=summary.spec.methods,
        kind="method",
        run=summary.name,
        trial=number,
        chosen=chosen,
        collapsed=collapsed,
        nets=dict(fallback) if none_to_choose or collapsed else results,
        cost=compared.cost,
    )


def _moved(summaries: Sequence[Summary], confirmed: Mapping[int, TrialResult]) -> Iterator[Entrant]:
    """Each way at the point of its front that the rule picks, from the first search that has it, if it tells classes apart."""
    told: dict[str, tuple[str, float]] = {}
    for summary in summaries:
        for one in summary.untrained:
            if one.role == BASELINE and one.weight is not None:
                told.setdefault(one.way, (summary.name, one.weight))
    for way, (run, weight) in told.items():
        nets = {
            seed: moved
            for seed, result in confirmed.items()
            for moved in result.moved
            if (moved.way, moved.weight) == (way, weight)
        }
        if all(only_class(moved.test_counts) is None for moved in nets.values()):
            yield Entrant(way, "thresholds", run, None, True, False, nets, Spent())


def _counts(net: TrialResult | Moved) -> GroupCounts:
    return net.counts("test") if isinstance(net, TrialResult) else net.test_counts


def _sum(tables: Sequence[GroupCounts]) -> GroupCounts:
    return GroupCounts(np.sum([table.hard for table in tables], axis=0), np.sum([table.soft for table in tables], axis=0))
