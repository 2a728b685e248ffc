"""What a selection rule is, and all that it may see."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

from fairtune.pareto import non_dominated
from fairtune.space import Value


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


class Rule(ABC):
    """A selection rule.

    Attributes:
        objectives: the scores that the sampler optimises, with their directions.
    """

    objectives: ClassVar[tuple[tuple[str, Literal["maximize", "minimize"]], ...]] = (
        ("accuracy", "maximize"),
        ("deo_m", "minimize"),
    )

    @abstractmethod
    def key(self, view: View) -> tuple[float, ...]:
        """What to sort by: the feasible trial with the smallest key is chosen."""

    def choose(self, views: Sequence[View]) -> View | None:
        """The chosen trial, or None if no trial is feasible."""
        return min((view for view in views if view.feasible), key=self.key, default=None)


def front(views: Sequence[View]) -> list[View]:
    """The non-dominated trials, from the fairest to the most accurate."""
    mask = non_dominated([view.val["accuracy"] for view in views], [view.val["deo_m"] for view in views])
    kept = [view for view, on_front in zip(views, mask, strict=True) if on_front]
    return sorted(kept, key=lambda view: (view.val["deo_m"], view.val["accuracy"], view.number))
