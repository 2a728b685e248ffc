"""What a selection rule is, and all that it may see."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

from fairtune.errors import InvalidInput
from fairtune.metrics import GAPS, non_dominated
from fairtune.plugins import load
from fairtune.space import Value

MUTUAL_INFORMATION = "mutual_information"


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
        objectives: the scores that the sampler optimises, with their directions: accuracy, then the score that stands for
            fairness, one of :data:`fairtune.metrics.GAPS` or ``mutual_information``. The front is of these two.
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


def fairness_score(select: str) -> str:
    """The score that a rule, given by name, weighs against accuracy.

    Raises:
        InvalidInput: there is no such rule, or its objectives are not accuracy and a gap between groups.
    """
    rule: type[Rule] = load("rule", select)
    allowed = [(("accuracy", "maximize"), (gap, "minimize")) for gap in (*GAPS, MUTUAL_INFORMATION)]
    if rule.objectives not in allowed:
        raise InvalidInput(
            f"the rule {select} has the objectives {rule.objectives}: give ('accuracy', 'maximize') and (SCORE, 'minimize'), "
            f"with SCORE one of {', '.join((*GAPS, MUTUAL_INFORMATION))}"
        )
    return rule.objectives[1][0]


def front(views: Sequence[View], fairness: str = "deo_m") -> list[View]:
    """The non-dominated trials, from the fairest to the most accurate.

    Args:
        views: complete trials.
        fairness: the score weighed against accuracy (see :func:`fairness_score`).
    """
    mask = non_dominated([view.val["accuracy"] for view in views], [view.val[fairness] for view in views])
    kept = [view for view, on_front in zip(views, mask, strict=True) if on_front]
    return sorted(kept, key=lambda view: (view.val[fairness], view.val["accuracy"], view.number))
