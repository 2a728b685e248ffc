"""Which trial comes next, and which of those under way go on."""

from __future__ import annotations

from fairtune.rules import objectives_of
from fairtune.schedulers import Ladder, Verdict
from fairtune.space import Value
from fairtune.spec import SearchSpec, TrialResult
from fairtune.study.study import SearchStudy, trials_to_run

Asked = tuple[int, str, dict[str, Value]]
"""Number, method and searched values of a trial."""


class Trials:
    """The trials of one search.

    Args:
        spec: the search.
        study: its record, perhaps with a past.
    """

    def __init__(self, spec: SearchSpec, study: SearchStudy) -> None:
        self._study = study
        self._limit = trials_to_run(spec)
        self._left_over = study.left_over()
        self._ladder = Ladder(spec.scheduler, objectives_of(spec.select), spec.epochs)
        self._remember()

    @property
    def rungs(self) -> tuple[int, ...]:
        """The epochs after which a trial is judged."""
        return self._ladder.rungs

    def next(self, *, new: bool) -> Asked | None:
        """A trial to run: one that was begun before, else a new one where those are wanted; None if there is none left."""
        if self._left_over:
            return self._left_over.pop(0)
        if not new or self._study.asked - self._study.taken_over >= self._limit:
            return None
        return self._study.ask()

    def hand_back(self, number: int) -> None:
        """Keep a trial for later."""
        record = self._study.record(number)
        self._left_over.insert(0, (record.number, record.method, record.params))

    def know(self, number: int, result: TrialResult) -> None:
        """Let the scheduler know of a trial that ended elsewhere or before."""
        if self._ladder.rungs and self._study.baseline is not None:
            self._ladder.note(number, result.spec.method, result, self._study.baseline.floor)

    def verdict(self, number: int, standing: TrialResult) -> Verdict:
        """Whether a running trial goes on, by the scheduler.

        Args:
            number: of the trial.
            standing: where it stands.
        """
        assert self._study.baseline is not None
        self._ladder.note(number, standing.spec.method, standing, self._study.baseline.floor)
        return self._ladder.verdict(number, standing.epochs)

    def _remember(self) -> None:
        """Let the scheduler know of the trials of earlier sessions."""
        if not self._ladder.rungs or self._study.baseline is None:
            return
        for record in self._study.records():
            if (result := self._study.result(record.number)) is not None:
                self.know(record.number, result)
