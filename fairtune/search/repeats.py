"""Which settings are trained on more seeds, and when: as many as asked for, or by a race when the trials are over."""

from __future__ import annotations

from fairtune.search.race import Runner, next_up
from fairtune.seeding import generator
from fairtune.spec import SearchSpec
from fairtune.study.key import JobKey
from fairtune.study.record import Record
from fairtune.study.study import SearchStudy, trials_to_run

RACE_SHARE = 0.25
"""What a race may take at most, as a share of the trials."""


class Repeats:
    """The further seeds of the trials of one search.

    Args:
        spec: the search.
        study: its record, perhaps with a past.
    """

    def __init__(self, spec: SearchSpec, study: SearchStudy) -> None:
        self._spec = spec
        self._study = study
        self._left_over = [key for key, row in study.repeats.items() if row is None]

    def next(self, *, trials_over: bool, new: bool) -> JobKey | None:
        """One more seed to train now; None if there is none to begin.

        Args:
            trials_over: whether no trial is trained any more: then settings race.
            new: whether any is begun beside what an earlier session began.
        """
        if self._left_over:
            return self._left_over.pop(0)
        number = self._wanted(trials_over=trials_over) if new else None
        if number is None:
            return None
        key = JobKey.repeat(number, self._study.begun_of(number) + 1)
        self._study.begin_repeat(key)
        return key

    def hand_back(self, key: JobKey) -> None:
        """Keep one for later."""
        self._left_over.insert(0, key)

    def _wanted(self, *, trials_over: bool) -> int | None:
        if self._spec.seeds_per_trial == "auto":
            return self._next_in_race() if trials_over else None
        if self._spec.seeds_per_trial == 1:
            return None
        lacking = (record.number for record in self._study.records() if self._lacks_seeds(record))
        return next(lacking, None)

    def _lacks_seeds(self, record: Record) -> bool:
        return record.state == "complete" and self._study.begun_of(record.number) + 1 < int(self._spec.seeds_per_trial)

    def _next_in_race(self) -> int | None:
        complete = [record for record in self._study.records() if record.state == "complete" and not record.collapsed]
        begun = len(self._study.repeats)
        if begun >= most_in_race(len(complete)):
            return None
        return next_up([self._runner(record) for record in complete], self._study.rule, generator(self._spec.seed, "race", begun))

    def _runner(self, record: Record) -> Runner:
        scored = [one.val for one in record.scored]
        unscored = 1 + self._study.begun_of(record.number) - len(scored)
        return Runner(record.number, record.params, scored, self._study.floor_of(record), unscored)


def most_trainings(spec: SearchSpec) -> int:
    """How many trainings the trials of a search take at most, all their seeds and baselines of further folds together."""
    trials = trials_to_run(spec)
    if spec.seeds_per_trial == 1:
        return trials
    folds = spec.validation_folds - 1
    return folds + (trials + most_in_race(trials) if spec.seeds_per_trial == "auto" else trials * spec.seeds_per_trial)


def most_in_race(complete: int) -> int:
    """How many seeds a race may take at most after so many complete trials."""
    return -(-complete // round(1 / RACE_SHARE))
