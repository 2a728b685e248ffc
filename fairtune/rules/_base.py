"""What a selection rule is, and all that it may see."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from fairtune.errors import InvalidInput, unknown_name
from fairtune.metrics import SCORES, Score, hypervolume, non_dominated, ranked
from fairtune.plugins import Pluggable
from fairtune.records import GroupCounts
from fairtune.space import Value

_MARGIN = 0.01
"""Below the floor, so that a trial that just reaches it covers something."""


class View(NamedTuple):
    """A complete trial as a rule sees it: validation scores only; there is no test field.

    Attributes:
        number: of the trial.
        params: what was searched.
        val: scores on the validation split.
        feasible: whether accuracy reaches the floor.
    """

    number: int
    params: dict[str, Value]
    val: dict[str, float]
    feasible: bool

    def costs(self, *names: str) -> tuple[float, ...]:
        """Some of its scores as searches rank by them, their signs turned where higher is better: the least is the best.

        See :func:`fairtune.metrics.ranked`.
        """
        scores = ranked(self.val)
        return tuple(SCORES[name].cost(scores[name]) for name in names)


class Certainty(NamedTuple):
    """With which probability a rule wants accuracy to reach the floor.

    Attributes:
        option: the rule's option that says it.
        value: what it is.
    """

    option: str
    value: float


class Rule(Pluggable, ABC):
    """A selection rule.

    Attributes:
        objectives: names of the scores that the sampler optimises, one or more of ``fairtune list scores``; each score knows its
            direction. The front is of these.
        improves: the score in which a choice has to be better than the baseline; None stands for the last objective.
        bounds: names of what :meth:`bound` gives, which stands in the place of what it bounds: in the objectives, the front, and
            where accuracy has to reach the floor.

    One that can be set is a dataclass, whose fields are made by :func:`fairtune.space.hyperparameter`; they are given as ``--set
    rule.NAME=VALUE``.
    """

    kind: ClassVar = "rule"
    objectives: ClassVar[tuple[str, ...]] = ("accuracy", "deo_m")
    improves: ClassVar[str | None] = None
    bounds: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def facts(cls) -> dict[str, str]:
        """Also what it searches for."""
        return super().facts() | {"objectives": ", ".join(cls.objectives)}

    def bound(self, counts: GroupCounts, measured: Mapping[str, float]) -> dict[str, float]:
        """What a trial's true scores surely are no worse than, by name; nothing if not said.

        Args:
            counts: of the trial, on the validation split.
            measured: its scores there.
        """
        return {}

    @property
    def certainty(self) -> Certainty | None:
        """With which probability accuracy has to reach the floor; None if not said, or where it is taken as measured."""
        return None

    @abstractmethod
    def key(self, view: View) -> tuple[float, ...]:
        """What to sort by, such as :meth:`View.costs`: the feasible trial with the smallest key is chosen."""

    def choose(self, views: Sequence[View]) -> View | None:
        """The chosen trial, or None if no trial is feasible."""
        return min((view for view in views if view.feasible), key=self.key, default=None)


def objectives_of(select: str) -> tuple[str, ...]:
    """Names of the scores that a rule, given by name, searches for.

    Raises:
        InvalidInput: there is no such rule, or its objectives are not different scores that a search records.
    """
    given = Rule.load(select).objectives
    if not all(isinstance(name, str) for name in given) or not 0 < len(set(given)) == len(given):
        raise InvalidInput(
            f"the rule {select} has the objectives {given}: give one or more different scores, such as ('accuracy', 'deo_m')"
        )
    if unknown := [unknown_name("score", name, SCORES) for name in given if name not in SCORES]:
        raise InvalidInput(f"the rule {select}: {' '.join(unknown)} fairtune list scores says what a search records")
    return given


def check_classes(select: str, num_classes: int) -> None:
    """Check that data of so many classes have every score that a rule searches for.

    Raises:
        InvalidInput: one is defined for two classes only.
    """
    lacking = [name for name in objectives_of(select) if SCORES[name].two_classes and num_classes != 2]
    if lacking:
        raise InvalidInput(
            f"--select {select}: {', '.join(lacking)} takes two classes, and the data have {num_classes}: "
            "choose another rule of fairtune list rules"
        )


def front(views: Sequence[View], objectives: Sequence[str]) -> list[View]:
    """The feasible trials that no feasible one dominates, from the best in the last objective to the best in the first.

    What is below the floor cannot be chosen, however fair: a net that always gives one answer has no gap.

    They are compared by what searches rank by (:func:`fairtune.metrics.ranked`), so that what a rule chooses is among them.

    Args:
        views: complete trials.
        objectives: of a rule (see :func:`objectives_of`).
    """
    choosable = [view for view in views if view.feasible]
    mask = non_dominated(*_points([view._replace(val=ranked(view.val)) for view in choosable], objectives))
    kept = [view for view, on_front in zip(choosable, mask, strict=True) if on_front]
    return sorted(kept, key=lambda view: (view.costs(*reversed(objectives)), view.number))


def corner(baseline: Mapping[str, float], floor: float, objectives: Sequence[str]) -> dict[str, float]:
    """Where fronts are measured from, by objective: the baseline's score, and for accuracy 0.01 below the floor.

    So the baseline alone covers nothing, and neither does what is no better than it in another objective than accuracy.

    Args:
        baseline: its scores on the validation split; from the worst value of one that it lacks.
        floor: the accuracy that a trial must reach.
        objectives: of a rule.
    """
    given = {name: baseline.get(name, math.nan) for name in objectives} | {"accuracy": floor - _MARGIN}
    return {name: given[name] if math.isfinite(given[name]) else SCORES[name].ends[0] for name in objectives}


def covered(views: Sequence[View], objectives: Sequence[str], worst: Mapping[str, float]) -> float:
    """The share of the way from a corner to perfect that feasible trials cover (see :func:`fairtune.metrics.hypervolume`).

    It is of what was measured, whatever searches rank by.

    Args:
        views: complete trials.
        objectives: of a rule.
        worst: the corner (see :func:`corner`).
    """
    choosable = [view for view in views if view.feasible]
    return hypervolume(*_points(choosable, objectives), [worst[name] for name in objectives])


def ends(views: Sequence[View], objectives: Sequence[str]) -> dict[str, View]:
    """The best trial of the front in each objective, by role: ``most_accurate``, ``fairest``, ``highest_auc``, ...

    Args:
        views: complete trials; there are no ends if none is feasible.
        objectives: of a rule.
    """
    kept = front(views, objectives)
    return {role_of(name, objectives): min(kept, key=lambda view: view.costs(name)) for name in objectives if kept}


def role_of(name: str, objectives: Sequence[str]) -> str:
    """What the best trial in an objective is called."""
    if name == "accuracy":
        return "most_accurate"
    if [other for other in objectives if SCORES[other].gap] == [name]:
        return "fairest"
    return f"{'highest' if SCORES[name].better == 'higher' else 'lowest'}_{name}"


def _points(views: Sequence[View], objectives: Sequence[str]) -> tuple[list[list[float]], list[Score]]:
    return [[view.val[name] for name in objectives] for view in views], [SCORES[name] for name in objectives]
