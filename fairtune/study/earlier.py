"""An earlier run as a new search of the same space sees it: what need not be trained again, and what was best."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from fairtune.rules import front, objectives_of
from fairtune.spec import SearchSpec, TrialResult
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.key import JobKey
from fairtune.study.record import Record
from fairtune.study.study import SearchStudy
from fairtune.training.folder import TrialFolder

_CHOOSE = ("select", "rule_options", "accuracy_floor")
"""What decides which trials can be chosen."""


class EarlierRun:
    """A run that a new search begins with.

    Args:
        path: its folder.

    Raises:
        InvalidInput: it holds no search that can be read.
    """

    def __init__(self, path: Path) -> None:
        self._folder = RunFolder(path)
        self.spec, place = self._folder.load()
        self.name = place.name
        self._study = SearchStudy(database_of(place), self.spec)

    def trained(self, now: SearchSpec) -> Iterator[Record]:
        """The trials that have come to their end, and whose nets are there as far as a search may choose them.

        Of the others some were stopped, which says little of a whole training, and some crashed, perhaps for reasons that are gone.

        Args:
            now: the search that begins.
        """
        alike = all(getattr(self.spec, name) == getattr(now, name) for name in _CHOOSE) and self._gives_its_front(now)
        objectives = objectives_of(now.select)
        for record in self._study.records():
            if record.state == "complete":
                at_an_end = _has(record, objectives) and (alike or self.folder(record.number).has_weights())
            else:
                at_an_end = record.state == "failed" and _diverged(record)
            if at_an_end:
                yield record

    @property
    def front(self) -> list[Record]:
        """The trials of its front, from the best in the last objective to the best in the first."""
        return [self._study.record(view.number) for view in front(self._study.views(), objectives_of(self.spec.select))]

    def folder(self, number: int) -> TrialFolder:
        """The files of a trial."""
        return self._folder.trial(number)

    def result(self, number: int) -> TrialResult | None:
        """All that came of a trial, and where it was trained."""
        result = self._study.result(number)
        if result is None or result.taken_from is not None:
            return result
        return result.model_copy(update={"taken_from": f"{self.name}/{JobKey.trial(number)}"})

    def _gives_its_front(self, now: SearchSpec) -> bool:
        """Whether all of its front is here with its nets and searched now too, so that what that dominates is not chosen now."""
        return all(is_searched(record, now) and self.folder(record.number).has_weights() for record in self.front)


def is_searched(record: Record, now: SearchSpec) -> bool:
    """Whether an earlier trial's setting lies within what a search of the same names searches."""
    space = now.spaces.get(record.method)
    return space is not None and all(space.search[name].contains(value) for name, value in record.params.items())


def _diverged(record: Record) -> bool:
    """Whether a trial failed by what it is; a traceback may be the machine's fault."""
    error = (record.result and record.result.error) or ""
    return " became " in error or "not finite" in error


def _has(record: Record, objectives: Sequence[str]) -> bool:
    """Whether a trial was scored in all objectives; it was not probed if its own rule did not ask for it."""
    return record.result is not None and all(math.isfinite(record.result.val.get(name, math.nan)) for name in objectives)
