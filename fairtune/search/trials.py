"""Which trial comes next, and which of those under way go on."""

from __future__ import annotations

from collections import Counter
from functools import partial

from fairtune.methods import compose
from fairtune.rules import objectives_of
from fairtune.schedulers import Ladder, Verdict
from fairtune.space import Value
from fairtune.spec import Brief, SearchSpec, TrialResult
from fairtune.study.folders import RunFolder
from fairtune.study.record import Record
from fairtune.study.study import SearchStudy, trials_to_run

Asked = tuple[int, str, dict[str, Value]]
"""Number, method and searched values of a trial."""


class Trials:
    """The trials of one search.

    Args:
        spec: the search.
        study: its record, perhaps with a past.
        folder: of the search.
    """

    def __init__(self, spec: SearchSpec, study: SearchStudy, folder: RunFolder) -> None:
        self._spec = spec
        self._study = study
        self._folder = folder
        self._trained_since: dict[int, int] = {}
        self._limit = trials_to_run(spec)
        self._left_over = study.left_over()
        self._cut_short: list[int] = []
        self._past: dict[int, int] = {}
        self._places: list[int] = []
        self._of_method: Counter[str] = Counter()
        self._ladder = Ladder(spec.scheduler, objectives_of(spec.select), spec.epochs, spec.scheduler_options)
        self._remember()

    def next(self, *, new: bool) -> Asked | None:
        """A trial to run; None if there is none left.

        Args:
            new: whether anything is begun beside what an earlier session began: a trial is taken up again that a spent budget has
                stopped, or that waits at a rung, or else a setting tried that no trial has had.
        """
        if self._left_over:
            return self._left_over.pop(0)
        if not new:
            return None
        if self._cut_short:
            return self._taken_up(self._cut_short.pop(0))
        if (waiting := self._ladder.take_up()) is not None:
            return self._taken_up(waiting)
        return None if self._left <= 0 else self._study.ask()

    def rungs(self, number: int) -> tuple[int, ...]:
        """The epochs after which a trial is still to be judged."""
        past = self._past.get(number, 0)
        return tuple(rung for rung in self._ladder.rungs if rung > past and rung >= self._since(number))

    def prepare(self, running: int) -> None:
        """Look ahead for as many settings as there are trials under way, if the sampler is slow.

        Not while one trial runs at a time: the next setting has to know what came of it, or an interrupted search, which does,
        would try others than an undisturbed one.
        """
        if running > 1:
            self._study.prepare(min(running, self._left))

    @property
    def is_asking(self) -> bool:
        """Whether the next trial's setting is still being looked for."""
        return not self._left_over and self._study.is_asking

    @property
    def _left(self) -> int:
        """How many new trials the search may still have."""
        return self._limit - self._study.own

    def hand_back(self, number: int) -> None:
        """Keep a trial for later."""
        record = self._study.record(number)
        self._left_over.insert(0, (record.number, record.method, record.params))

    def know(self, number: int, result: TrialResult) -> None:
        """Let the scheduler know of a trial that ended elsewhere or before."""
        if self._ladder.rungs and self._study.baseline is not None:
            self._note(number, result)

    def verdict(self, number: int, standing: TrialResult) -> Verdict:
        """Whether a running trial goes on, by the scheduler.

        Args:
            number: of the trial.
            standing: where it stands.
        """
        self._note(number, standing)
        return self._ladder.verdict(number, standing.epochs) if standing.epochs in self.rungs(number) else "go_on"

    def pause(self, number: int, result: TrialResult) -> Record:
        """Stop a trial for a while; its checkpoint stays.

        Where a budget stops it, it goes on in a session that has more of it.
        """
        record = self._study.pause(number, result)
        if _cut_short(result.brief):
            self._folder.trial(number).drop_checkpoint_before()
        else:
            self._wait(number, result.epochs)
        return record

    def end(self) -> None:
        """Let those go that wait at a rung still: no trial is trained any more, and a longer search has better to do.

        What a budget has stopped, at most as many as run at a time, is kept for a search with more of it.
        """
        for number in self._study.waiting:
            if not _cut_short(self._study.record(number).result):
                self._let_go(number)

    def _taken_up(self, number: int) -> Asked:
        brief = self._study.record(number).result
        assert brief is not None
        self._past[number] = brief.epochs
        record = self._study.take_up(number)
        return record.number, record.method, record.params

    def _wait(self, number: int, epoch: int) -> None:
        self._folder.trial(number).drop_checkpoint_before()
        for gone in self._ladder.wait(number, epoch):
            self._let_go(gone)

    def _let_go(self, number: int) -> None:
        self._study.let_go(number)
        self._folder.trial(number).drop_checkpoints()

    def _note(self, number: int, standing: TrialResult) -> None:
        assert self._study.baseline is not None
        lacking = partial(self._study.baseline.lacking, epochs=self._spec.epochs)
        self._ladder.note(number, standing.spec.method, standing, lacking, self._place_of(number), self._since(number))

    def _since(self, number: int) -> int:
        """The first epoch that trains the net which is scored: what has a stage before trains something else in it."""
        if number not in self._trained_since:
            record = self._study.record(number)
            method = compose(record.method, {**self._spec.spaces[record.method].fixed, **record.params})
            self._trained_since[number] = method.stage_one(self._spec.epochs) + 1
        return self._trained_since[number]

    def _place_of(self, number: int) -> int:
        """Of a trial among those of its method, from 0."""
        while len(self._places) <= number:
            method = self._study.record(len(self._places)).method
            self._places.append(self._of_method[method])
            self._of_method[method] += 1
        return self._places[number]

    def _remember(self) -> None:
        """Let the scheduler know of the trials of earlier sessions, and find those that wait."""
        if self._ladder.rungs and self._study.baseline is not None:
            for record in self._study.records():
                if (result := self._study.result(record.number)) is not None:
                    self._note(record.number, result)
        for number in self._study.waiting:
            brief = self._study.record(number).result
            if _cut_short(brief):
                self._cut_short.append(number)
            elif brief is not None and brief.epochs in self._ladder.rungs:
                self._wait(number, brief.epochs)
            else:  # somebody has changed the scheduler's code
                self._let_go(number)


def _cut_short(result: Brief | None) -> bool:
    """Whether a budget stopped a trial that waits."""
    return result is not None and result.stopped is not None and result.stopped.by_budget
