"""What a search may still spend. Its trials end at whichever limit comes first, and the confirmation has a part of each kept.

Every limit but the number of trials is of the whole search: baseline, trials and retrainings. Half of what the baseline and earlier
retrainings leave is for the trials at least; what the retrainings to come are expected to take is kept for them out of the other
half, and as long as there is nothing to confirm, what one seed takes. At least one trial runs to its end, and every setting that is
confirmed is retrained on one seed, whatever they take.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from operator import le
from typing import NamedTuple

from fairtune.rules import View, objectives_of
from fairtune.search.repeats import RACE_SHARE
from fairtune.spec import Brief, Place, SearchSpec, TrialResult
from fairtune.study.jobs import Job, final_seeds
from fairtune.study.key import JobKey
from fairtune.study.record import Record
from fairtune.study.study import SearchStudy
from fairtune.study.teacher import trained_teacher


class _Standing(NamedTuple):
    """A training under way: how far it is, and how many epochs it has in all."""

    epochs: int
    seconds: float
    all_epochs: int


class _Limit(NamedTuple):
    """One limit and where the search stands.

    Attributes:
        name: ``time_budget``, ``epoch_budget`` or ``gpu_budget``.
        whole: of it.
        spent: so far.
        pledged: what the trainings under way will take beside that.
        one: what a training takes.
        kept: for the confirmation.
        before: what the baseline took.
        abreast: how many trainings take it together, as those do that run at a time with the time that passes.
        fold: what the baseline of a further fold takes.
    """

    name: str
    whole: float
    spent: float
    pledged: float
    one: float
    kept: float
    before: float
    abreast: int
    fold: float

    def has_room_beside(self, kept: float, seeds: int = 0, folds: int = 0) -> bool:
        """Whether one more training can be brought to its end, so many further seeds and folds after it, and this be left."""
        rounds = 1 + math.ceil(seeds / self.abreast)
        more = rounds * self.one + math.ceil(folds / self.abreast) * self.fold
        return self.spent + self.pledged + more <= self.whole - kept


class Budget:
    """The limits of a search.

    Args:
        spec: the search.
        place: where it runs.
        study: its record, perhaps with a past.
    """

    def __init__(self, spec: SearchSpec, place: Place, study: SearchStudy) -> None:
        self._spec = spec
        self._gpus = place.gpus_per_trial
        self._study = study
        self._objectives = objectives_of(spec.select)
        self._epochs, self._gpu_s = 0, 0.0
        self._seconds: list[float] = []
        self._shared_seconds: list[float] = []
        self._ended = 0
        self._reached, self._moved = _Reached(self._objectives), False
        self._teacher = trained_teacher(spec, place)
        self._retrained_baselines = [spec.baseline(seed).id for seed in final_seeds(spec)]
        self._retrained = [final.brief for final in study.finals.values()]
        self._standing: dict[JobKey, _Standing] = {}
        self._waiting: dict[JobKey, Brief] = {}
        self._abreast_here, self._abreast_before = 1, self._abreast_on_record()
        for result in self._shared():
            self._count(result.brief, self._shared_seconds)
        for brief in self._past():
            self._count(brief, self._seconds)

    def move(self, place: Place) -> None:
        """Count by other shares of GPUs from now on; what has ended had what it had."""
        self._gpus = place.gpus_per_trial

    def begin(self, job: Job) -> None:
        """A training begins, or goes on where it has waited."""
        stood = self._waiting.pop(job.key, None)
        if stood is not None:
            self._epochs, self._gpu_s = self._epochs - stood.epochs, self._gpu_s - stood.gpu_s(self._gpus)
        at = (0, 0.0) if stood is None else (stood.epochs, stood.seconds)
        self._standing[job.key] = _Standing(*at, job.spec.epochs)
        self._abreast_here = max(self._abreast_here, len(self._standing))

    def note(self, job: Job, standing: TrialResult) -> None:
        """A training stands here."""
        self._standing[job.key] = _Standing(standing.epochs, standing.seconds, job.spec.epochs)

    def drop(self, job: Job) -> None:
        """A training has gone back to be done later."""
        if self._standing.pop(job.key, None) is not None and not job.key.is_shared:
            self._abreast_before = 1

    def end(self, job: Job, result: TrialResult) -> None:
        """A training has ended, or waits."""
        self.drop(job)
        self._moved |= job.kind == "repeat"
        if job.kind != "trial" or result.taken_from is None:
            self._count(result.brief, self._shared_seconds if job.key.is_shared else self._seconds)
            self._ended += job.kind == "trial"
        if job.kind == "teacher" and result.state == "complete" and job.spec == self._spec.teacher():
            self._teacher = result
        if job.number in self._study.waiting:
            self._waiting[job.key] = result.brief

    @property
    def lets_begin(self) -> bool:
        """Whether one more trial may begin: there is room to end it, or none is complete and there would be by leaving nothing."""
        if self.ends_by is None:
            return True
        if self._standing:
            return False
        return not self._ended or (not self._has_complete and all(limit.has_room_beside(0) for limit in self._limits()))

    @property
    def ends_by(self) -> str | None:
        """The limit that has no room for one more trial, by name; ``patience`` where only the front has not moved."""
        seeds, folds = self._owed + self._seeds - 1, self._folds_left if self._seeds > 1 else 0
        reserved = ((limit, limit.kept + self._of_race(limit)) for limit in self._limits())
        tight = (limit.name for limit, kept in reserved if not limit.has_room_beside(kept, seeds, folds))
        return next(tight, "patience" if self._out_of_patience() else None)

    @property
    def spent(self) -> str | None:
        """The limit that ends the trials under way, by name; none as long as no trial is complete."""
        if not self._has_complete:
            return None
        left = ((limit.name, limit.whole - limit.kept - self._of_race(limit) - limit.spent) for limit in self._limits())
        return next((name for name, room in left if room <= 0), None)

    @property
    def lets_repeat(self) -> bool:
        """Whether one more seed of a trial may begin, with the baseline of its fold if that is not trained."""
        return all(limit.has_room_beside(limit.kept, folds=min(1, self._folds_left)) for limit in self._limits())

    @property
    def _has_complete(self) -> bool:
        """Whether any trial has come to its end."""
        return any(record.state == "complete" for record in self._study.records())

    @property
    def _folds_left(self) -> int:
        """How many baselines of further folds are not trained."""
        return self._spec.validation_folds - 1 - len(self._study.folds)

    @property
    def _seeds(self) -> int:
        """How many trainings a trial has for sure."""
        seeds = self._spec.seeds_per_trial
        return seeds if isinstance(seeds, int) else 1

    @property
    def _owed(self) -> int:
        """How many further seeds the trials so far are still to get for sure."""
        if self._seeds == 1:
            return 0
        trials = (record for record in self._study.records() if record.state in ("complete", "running"))
        return sum(max(0, self._seeds - 1 - self._study.begun_of(record.number)) for record in trials)

    @property
    def _abreast(self) -> int:
        """How many trainings run at a time: as many as in this session at most, or until one has ended in it as in those before."""
        return max(self._abreast_here, self._abreast_before)

    def _abreast_on_record(self) -> int:
        """How many ran at a time so far, on average. What ran before the trials is left out: it did so alone."""
        firsts = (record.result for record in self._study.records() if record.result is not None)
        finals = (result.brief for result in self._study.finals.values())
        repeats = (row.brief for row in self._study.repeats.values() if row is not None)
        seconds = sum(one.seconds for one in (*firsts, *finals, *repeats) if one.taken_from is None)
        wall_s = self._study.wall_s - self._study.alone_wall_s
        return max(1, round(seconds / wall_s)) if wall_s > 0 else 1

    def _of_race(self, limit: _Limit) -> float:
        """What is kept of a limit for a race."""
        if self._spec.seeds_per_trial != "auto":
            return 0.0
        return max(0.0, limit.whole - limit.before - limit.kept) * RACE_SHARE / (1 + RACE_SHARE)

    def lets_confirm(self, job: Job) -> bool:
        """Whether a retraining may begin; on the first seed, always."""
        if job.spec.seed == final_seeds(self._spec)[0]:
            return True
        return all(limit.has_room_beside(0) for limit in self._limits(job.spec.epochs))

    def _past(self) -> Iterator[Brief]:
        """What has been trained so far beside what all trials rest on."""
        waiting = self._study.waiting
        for record in self._study.records():
            if record.result is not None and record.result.taken_from is None:
                self._ended += 1
                if record.number in waiting:
                    self._waiting[JobKey.trial(record.number)] = record.result
                yield record.result
        yield from (result.brief for result in (*self._study.finals.values(), *self._study.folds.values()))
        yield from (row.brief for row in self._study.repeats.values() if row is not None)

    def _shared(self) -> list[TrialResult]:
        """What all trials rest on, as far as it has been trained: the baseline, and a teacher that is another net."""
        baseline = None if self._study.baseline is None else self._study.baseline.result
        return [result for result in (baseline, self._teacher) if result is not None]

    def _count(self, result: Brief, seconds: list[float]) -> None:
        self._epochs += result.epochs
        self._gpu_s += result.gpu_s(self._gpus)
        if result.state == "complete":
            seconds.append(result.seconds)

    @property
    def _one_s(self) -> float:
        """What a training takes: as trials do; before one is complete, as what they rest on did, perhaps on another machine."""
        return statistics.fmean(self._seconds or self._shared_seconds or [0.0])

    def _limits(self, epochs: int | None = None) -> Iterator[_Limit]:
        """All that there are, for a training of so many epochs; those of a trial if not said."""
        spec, standing = self._spec, self._standing.values()
        shared = self._shared()
        one = self._one_s
        if spec.time_budget_s is not None:
            before = self._study.alone_wall_s
            retrained = sum(final.seconds for final in self._retrained if final.taken_from is None) / self._abreast
            kept = self._kept(spec.time_budget_s - before - retrained, one / self._abreast)
            yield _Limit("time_budget", spec.time_budget_s, self._study.wall_s, 0.0, one, kept, before, self._abreast, one)
        if spec.epoch_budget is not None:
            trained = sum(training.epochs for training in standing)
            mean = self._retraining_epochs / most_confirmed(self._objectives)
            before = sum(result.epochs for result in shared)
            kept = self._kept(spec.epoch_budget - before - sum(final.epochs for final in self._retrained), mean)
            pledged = sum(training.all_epochs for training in standing) - trained
            spent, fold = self._epochs + trained, spec.baseline().epochs
            yield _Limit("epoch_budget", spec.epoch_budget, spent, pledged, epochs or spec.epochs, kept, before, 1, fold)
        if spec.gpu_budget_s is not None:
            trained_s = sum(training.seconds for training in standing)
            before = sum(result.brief.gpu_s(self._gpus) for result in shared)
            one_gpu_s = one * self._gpus
            retrained = sum(final.gpu_s(self._gpus) for final in self._retrained)
            kept = self._kept(spec.gpu_budget_s - before - retrained, one_gpu_s)
            pledged_gpu_s = sum(max(0.0, one - training.seconds) for training in standing) * self._gpus
            spent_gpu_s = self._gpu_s + trained_s * self._gpus
            yield _Limit("gpu_budget", spec.gpu_budget_s, spent_gpu_s, pledged_gpu_s, one_gpu_s, kept, before, 1, one_gpu_s)

    @property
    def _retraining_epochs(self) -> int:
        """Of every setting that is confirmed at most, on one seed: the baseline's may be others than the trials'."""
        return self._spec.baseline().epochs + (most_confirmed(self._objectives) - 1) * self._spec.epochs

    def _kept(self, left: float, each: float) -> float:
        """What is kept for retrainings: for one seed as long as nothing reaches the floor, and for no baseline that stands.

        Args:
            left: what the baseline and the retrainings of earlier sessions, which may have confirmed another choice, have left.
            each: what one takes.
        """
        baselines = self._retrained_baselines if self._has_feasible else self._retrained_baselines[:1]
        stand = len({final.id for final in self._retrained}.intersection(baselines))
        return min(each * (len(baselines) * most_confirmed(self._objectives) - stand), max(0.0, left) / 2)

    @property
    def _has_feasible(self) -> bool:
        """Whether there is something to choose."""
        return any(record.feasible for record in self._study.records())

    def _out_of_patience(self) -> bool:
        """Whether so many trials of its own have ended for good since one moved the front."""
        if self._spec.patience is None:
            return False
        if self._moved:
            self._reached, self._moved = _Reached(self._objectives), False
        for record in self._study.ended_after(self._reached.ends):
            self._reached.take(record)
        return self._reached.any and self._reached.since >= self._spec.patience


class _Reached:
    """What the trials of a search have come to, one after the other.

    Args:
        objectives: names of the scores that the front is of.

    Attributes:
        ends: how many trials have ended for good.
        since: how many of the search's own have since one moved the front.
    """

    def __init__(self, objectives: Sequence[str]) -> None:
        self._objectives = objectives
        self.ends, self.since = 0, 0
        self._front: list[tuple[float, ...]] = []
        self._nearest: float | None = None

    @property
    def any(self) -> bool:
        """Whether there was any."""
        return bool(self._front) or self._nearest is not None

    def take(self, record: Record) -> None:
        """Take one more."""
        self.ends += 1
        if record.view is not None and self._moves(record.view):
            self.since = 0
        else:
            self.since += record.result is not None and record.result.taken_from is None

    def _moves(self, view: View) -> bool:
        """Whether nothing so far is as good as it in all; where nothing is feasible, whether it is the nearest to that."""
        if not view.feasible:
            nearer = not self._front and (self._nearest is None or view.val["accuracy"] > self._nearest)
            self._nearest = view.val["accuracy"] if nearer else self._nearest
            return nearer
        costs = view.costs(*self._objectives)
        if any(all(map(le, other, costs)) for other in self._front):
            return False
        self._front = [other for other in self._front if not all(map(le, costs, other))] + [costs]
        return True


def most_confirmed(objectives: Sequence[str]) -> int:
    """How many settings are confirmed at most: the baseline, the choice, and the best of the front in each objective."""
    return 2 + len(objectives)


def most_retrainings(select: str, final_seeds: int) -> int:
    """How many nets are trained to confirm a search at most, by its rule and its final seeds."""
    return final_seeds * most_confirmed(objectives_of(select))
