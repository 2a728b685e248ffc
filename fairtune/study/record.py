"""One trial of a search, as its study has it at hand."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fairtune.rules import View
from fairtune.space import Value
from fairtune.spec import Brief


class Record(NamedTuple):
    """One trial of a search.

    Attributes:
        number: counts from 0 in the order of asking.
        state: ``running`` until told; ``pruned`` too while it waits to be taken up again.
        method: which of the methods searched.
        params: what was searched, by full name.
        result: what came of its first training, in brief; None while it runs. The study reads all of it from the disk.
        feasible: whether a complete trial's accuracy reaches the floor, over all its seeds, and none of its nets has collapsed;
            None where it is not complete.
        repeats: what came of the further seeds that have ended, in brief.
    """

    number: int
    state: str
    method: str
    params: dict[str, Value]
    result: Brief | None
    feasible: bool | None
    repeats: tuple[Brief, ...] = ()

    @property
    def scored(self) -> list[Brief]:
        """Its trainings that have scores, the first one first."""
        return [one for one in (self.result, *self.repeats) if one is not None and one.state == "complete"]

    @property
    def val(self) -> dict[str, float]:
        """Means of its scores on validation over its seeds; where it is not complete, those of where it stands."""
        if len(self.repeats) == 0 or self.state != "complete":
            return {} if self.result is None else self.result.val
        return mean_scores([one.val for one in self.scored])

    @property
    def collapsed(self) -> bool:
        """Whether one of its nets gives all validation samples the same class: fair to all groups, and of no use."""
        return any(one.only_class is not None for one in self.scored)

    @property
    def view(self) -> View | None:
        """As selection rules see it, if it is complete."""
        if self.state != "complete" or self.result is None:
            return None
        return View(self.number, self.params, self.val, bool(self.feasible))


def mean_scores(several: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of every score that all of several trainings have."""
    first, *others = several
    common = [name for name in first if all(name in one for one in others)]
    return {name: statistics.fmean([first[name], *(one[name] for one in others)]) for name in common}
