"""The searches that are compared: what each is made of, by the names that ``fairtune search`` takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.search_efficiency.grids import Recorded
from fairtune.request.spaces import build_space, hyperparameters
from fairtune.space import Domain, Integer, Space, Value
from fairtune.spec import PlugIn, SearchSpec


@dataclass(frozen=True)
class Policy:
    """One way to search.

    Attributes:
        sampler: what proposes.
        scheduler: what stops early.
        estimate: what sampler, scheduler and rule are shown as DEO_M.
        rule: what chooses in the end.
        constraint: whether sampler and scheduler are told of the accuracy floor; the rule always is.
        early_floor: whether the scheduler is.
        points: whether the papers' settings come first.
        grid: only the levels that the papers search, one after the other, all else at its default.
        folds: through which the most promising settings race, as with ``--seeds-per-trial auto``; 0 for no race.
        joint: whether the sampler chooses among the methods too, which otherwise have as many trials each.
        accuracy_only: whether sampler and scheduler weigh nothing but accuracy.
    """

    sampler: str = "random"
    scheduler: str = "none"
    estimate: str = "DEO_M"
    rule: str = "deo_m"
    constraint: bool = True
    early_floor: bool = True
    points: bool = False
    grid: bool = False
    folds: int = 0
    accuracy_only: bool = False
    joint: bool = True


def spec_of(policy: Policy, recorded: Recorded, *, trials: int, seed: int) -> SearchSpec:
    """A search over the levels of a table: a hyperparameter is the place of its level, from 0."""
    spaces = {method: _space(policy, recorded, method) for method in recorded.grids}
    return SearchSpec(
        dataset=PlugIn(name=recorded.dataset),
        model=PlugIn(name=recorded.model or "default"),
        spaces=spaces,
        epochs=recorded.epochs or 1,
        batch_size=recorded.batch_size or 1,
        trials=trials,
        seed=seed,
        sampler=policy.sampler,
        scheduler=policy.scheduler,
        joint=policy.joint,
    )


def values_of(recorded: Recorded, method: str, places: Mapping[str, Value]) -> dict[str, Value]:
    """The values of a method's hyperparameters at their places."""
    return {name: levels[int(places[name])] for name, levels in recorded.grids[method].items()}


def grid_points(recorded: Recorded, method: str) -> list[dict[str, Value]]:
    """The papers' grid of a method: every combination of its own levels, with the optimiser and the kernel at their defaults."""
    import itertools

    levels = recorded.grids[method]
    defaults = {name: known.default for name, known in hyperparameters(method).items()} | {"optimizer.lr": 1e-3}
    kept = {name: [levels[name].index(defaults[name])] if name in _AT_DEFAULT else range(len(levels[name])) for name in levels}
    return [dict(zip(kept, places, strict=True)) for places in itertools.product(*kept.values())]


_AT_DEFAULT = ("optimizer.lr", "mfd.sigma")
"""What the papers do not search."""


def _space(policy: Policy, recorded: Recorded, method: str) -> Space:
    levels = recorded.grids[method]
    search: dict[str, Domain] = {name: Integer(low=0, high=len(found) - 1) for name, found in levels.items()}
    if policy.grid:
        return Space(search=search, points=tuple(grid_points(recorded, method)))
    published = build_space(method, recorded.dataset).points if policy.points else ()
    points: list[dict[str, Value]] = [
        {name: _nearest(levels[name], value) for name, value in point.items() if name in levels} for point in published
    ]
    return Space(search=search, points=tuple(point for point in points if point))


def _nearest(levels: tuple[Value, ...], value: Value) -> int:
    """Place of the level that is nearest to a value, by ratio where both are above 0."""

    def distance(place: int) -> float:
        level, wanted = float(levels[place]), float(value)
        return abs(math.log(level / wanted)) if level > 0 and wanted > 0 else abs(level - wanted)

    return min(range(len(levels)), key=distance)
