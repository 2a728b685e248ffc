"""What moving a net's thresholds brings without any training, beside what the search found: its competitor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fairtune.metrics import HEADLINES, SCORES, Difference, Interval, NetScore, Number, compare, label, only_class, reaches
from fairtune.records import GroupCounts
from fairtune.rules import Rule, View, objectives_of
from fairtune.spec import Moved, SearchSpec, TrialResult
from fairtune.thresholds import WAYS

_FALLBACK = "deo_m"
"""The rule that picks a point where the search's own goes by scores that moved decisions do not have."""


class Point(BaseModel):
    """A point of a front; ``val`` is the mean over the seeds."""

    model_config = ConfigDict(extra="forbid")

    weight: float
    val: dict[str, Number]
    feasible: bool

    @classmethod
    def at(cls, weight: float, val: dict[str, float], floor: float) -> Point:
        """With whether its validation accuracy reaches the floor."""
        return cls(weight=weight, val=val, feasible=reaches(val["accuracy"], floor))


class Untrained(BaseModel):
    """A confirmed setting's nets with their thresholds moved: a front, and what the point that the rule picks scores on test."""

    model_config = ConfigDict(extra="forbid")

    role: str
    way: str
    needs_group: bool
    draws: bool
    front: list[Point] = []
    weight: float | None = None
    seeds: list[int]
    test: dict[str, Interval] = Field(default_factory=dict)
    chosen_less_this: dict[str, Difference] = Field(default_factory=dict)
    collapsed: bool = False
    error: str | None = None

    @property
    def title(self) -> str:
        """What it is, in words."""
        return f"{self.role.replace('_', ' ')} + {self.way} ({WAYS[self.way].said})"


def untrained(
    spec: SearchSpec, floor: float, retrained: Mapping[str, Mapping[int, TrialResult]], chosen: Mapping[int, TrialResult]
) -> list[Untrained]:
    """Every way for every setting whose confirmed nets had their thresholds moved.

    Args:
        spec: the search, whose rule picks the point of each front.
        floor: the accuracy that it must reach.
        retrained: of each role, what its complete retrainings came to, by seed; each setting under one role.
        chosen: those of the choice; none where nothing is chosen.
    """
    found: list[Untrained] = []
    for role, results in retrained.items():
        moved = {seed: result for seed, result in results.items() if result.moved}
        error = next((result.immovable for result in results.values() if result.immovable), None)
        if moved:
            found += [_of_way(spec, floor, role, way, moved, chosen) for way in WAYS]
        elif error is not None:
            found += [
                Untrained(role=role, way=way, needs_group=of.needs_group, draws=of.draws, seeds=[], error=error)
                for way, of in WAYS.items()
            ]
    return found


def beaten(found: Sequence[Untrained], objectives: Sequence[str]) -> list[str]:
    """A sentence for each competitor that the choice does not beat: on the test split it is no worse in any objective."""
    return [said for one in found if (said := _beaten(one, objectives)) is not None]


def _beaten(one: Untrained, objectives: Sequence[str]) -> str | None:
    differ = {name: one.chosen_less_this.get(name) for name in objectives}
    if one.collapsed or any(found is None or not _no_better(name, found.mean) for name, found in differ.items()):
        return None
    said = " and ".join(f"{label(name)} {one.test[name].mean:.4f}" for name in objectives)
    gaps = " and ".join(_differ(name, found) for name, found in differ.items() if found is not None)
    return f"the choice does not beat what costs no training: {one.title} has {said} on test; the choice's {gaps}"


def _no_better(name: str, difference: float) -> bool:
    return difference <= 0 if SCORES[name].better == "higher" else difference >= 0


def _differ(name: str, found: Difference) -> str:
    span = "" if math.isnan(found.low) else f" (95 % interval {found.low:+.3f} to {found.high:+.3f})"
    return f"{label(name)} differs by {found.mean:+.4f}{span}"


def _of_way(
    spec: SearchSpec, floor: float, role: str, way: str, results: Mapping[int, TrialResult], chosen: Mapping[int, TrialResult]
) -> Untrained:
    points = {seed: [moved for moved in result.moved if moved.way == way] for seed, result in results.items()}
    by_weight = list(zip(*points.values(), strict=True))
    front = [_point(of_seeds, floor) for of_seeds in by_weight]
    picked = pick(spec, front)
    one = Untrained(role=role, way=way, needs_group=WAYS[way].needs_group, draws=WAYS[way].draws, front=front, seeds=list(results))
    if picked is None:
        return one
    scored = dict(zip(points, by_weight[picked], strict=True))
    names = [name for name in dict.fromkeys((*HEADLINES, *objectives_of(spec.select))) if name in by_weight[picked][0].test]
    one.weight = front[picked].weight
    one.collapsed = any(only_class(moved.test_counts) is not None for moved in scored.values())
    one.test = {name: SCORES[name].over(*_columns(name, list(scored.values())), weighting="samples") for name in names}
    one.chosen_less_this = _differences(objectives_of(spec.select), scored, chosen)
    return one


def _point(of_seeds: Sequence[Moved], floor: float) -> Point:
    val = {name: float(np.mean([moved.val[name] for moved in of_seeds])) for name in of_seeds[0].val}
    return Point.at(of_seeds[0].weight, val, floor)


def pick(spec: SearchSpec, front: Sequence[Point]) -> int | None:
    """Position of the point that the rule chooses; None if none is feasible."""
    own = Rule.load(spec.select)
    names = (*objectives_of(spec.select), *own.bounds)
    recorded = all(name in point.val for name in names for point in front)
    views = [View(number, {"weight": point.weight}, point.val, point.feasible) for number, point in enumerate(front)]
    rule = own.build(**spec.rule_options) if recorded else Rule.load(_FALLBACK).build()
    chosen = rule.choose(views)
    return None if chosen is None else chosen.number


def _differences(names: Sequence[str], scored: Mapping[int, Moved], chosen: Mapping[int, TrialResult]) -> dict[str, Difference]:
    """The choice less this, on the seeds of both."""
    seeds = [seed for seed in chosen if seed in scored]
    if not seeds:
        return {}
    return {
        name: compare(
            SCORES[name],
            [NetScore(chosen[seed].counts("test"), (chosen[seed].test or {}).get(name, math.nan)) for seed in seeds],
            [NetScore(scored[seed].test_counts, scored[seed].test[name]) for seed in seeds],
        )
        for name in names
        if all(name in scored[seed].test for seed in seeds)
    }


def _columns(name: str, moved: Sequence[Moved]) -> tuple[list[GroupCounts], list[float]]:
    return [one.test_counts for one in moved], [one.test[name] for one in moved]
