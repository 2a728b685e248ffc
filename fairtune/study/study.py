"""The record of a search: one Optuna study, the only truth."""

from __future__ import annotations

import logging
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import optuna

from fairtune.errors import InvalidInput
from fairtune.metrics import BOUNDS, SCORES, ranked, reaches, shortfall
from fairtune.rules import Rule, View, objectives_of
from fairtune.samplers import Ahead, Outcome, Proposal, Proposals
from fairtune.space import Space, Value
from fairtune.spec import Brief, SearchSpec, TrialResult
from fairtune.study._kept import Kept, Row, begin, keep_result, point_of, row_of, settle, take_up
from fairtune.study.baseline import Baseline, floor_on
from fairtune.study.choice import Choice
from fairtune.study.database import Copies, open_study
from fairtune.study.details import Details
from fairtune.study.estimates import Estimates
from fairtune.study.folders import RunFolder
from fairtune.study.key import JobKey
from fairtune.study.names import in_full, read_back
from fairtune.study.record import Record, mean_scores
from fairtune.study.served import NoCopies, open_on
from fairtune.study.server import Server

_STATES: dict[optuna.trial.TrialState, Literal["running", "complete", "pruned", "failed"]] = {
    optuna.trial.TrialState.RUNNING: "running",
    optuna.trial.TrialState.COMPLETE: "complete",
    optuna.trial.TrialState.PRUNED: "pruned",
    optuna.trial.TrialState.FAIL: "failed",
}


class SearchStudy(Kept):
    """The study of one search.

    A trial enters it with all its parameters in one write, so that what a killed process leaves is whole, and no setting enters it
    twice.

    Args:
        database: the SQLite file, or the server that it is on.
        spec: the search.
        clock: seconds that pass.

    Raises:
        InvalidInput: the study is damaged or gone, is kept in a form that cannot be read, or the rule has other objectives than
            when it was made.
        NoServer: the server does not answer.
    """

    def __init__(self, database: Path | Server, spec: SearchSpec, clock: Callable[[], float] = time.monotonic) -> None:
        self.spec = spec
        self._objectives = list(objectives_of(spec.select))
        self.rule = Rule.load(spec.select).build(**spec.rule_options)
        self._estimates = Estimates(self._objectives, self.rule)
        directions = [SCORES[name].direction for name in self._objectives]
        scores = dict(zip(self._objectives, directions, strict=True))
        study = open_on(database, scores) if isinstance(database, Server) else open_study(database, scores)
        self._copies = NoCopies() if isinstance(database, Server) else Copies(database)
        self._check_objectives(study)
        self._folder = RunFolder((database.note if isinstance(database, Server) else database).parent)
        self._details = Details(self._folder.details)
        super().__init__(study)
        self._keys_of: dict[int, list[JobKey]] = {}
        self._fold_of: dict[str, int] = {}
        for key in self.repeats:
            self._note_repeat(key)
        past = study.get_trials(deepcopy=False)
        self._trial_ids = [trial._trial_id for trial in past]
        self._waiting: set[int] = set()
        self._records = [self._read(trial) for trial in past]
        ended = [trial for trial in past if trial.datetime_complete is not None]
        self._order = [trial.number for trial in sorted(ended, key=lambda trial: (trial.datetime_complete, trial.number))]
        self._taken_over = sum(map(_is_taken_over, self._records))
        self._proposals = Ahead(Proposals(spec, directions))
        for trial, record in zip(past, self._records, strict=True):
            self._remember(trial, record)
        self._clock = clock
        self._began = clock()
        self._wall_before = self.noted_s
        if self.alone_s is None and self.own:  # an earlier version did not keep it
            self._alone_s = 0.0

    def _check_objectives(self, study: optuna.Study) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            begun_for = study.metric_names
        if begun_for is not None and begun_for != self._objectives:
            raise InvalidInput(
                f"the search was begun for {', '.join(begun_for)}, and the rule {self.spec.select} now searches for "
                f"{', '.join(self._objectives)}: give the rule its objectives back, or start another search"
            )

    def keep_baseline(self, baseline: Baseline) -> None:
        """Keep the baseline, and a copy of the study."""
        super().keep_baseline(baseline)
        self._copies.make()

    def keep_choice(self, choice: Choice) -> None:
        """Keep the choice, and a copy of the study."""
        super().keep_choice(choice)
        self._copies.make()

    def keep_final(self, key: JobKey, result: TrialResult) -> None:
        """Keep what came of a retraining; a copy of the study too, now and then."""
        super().keep_final(key, result)
        self._copies.make_if_old()

    def keep_complete(self) -> None:
        """Keep that the search has come to its end, and a copy of the study."""
        super().keep_complete()
        self._copies.make()

    @property
    def wall_s(self) -> float:
        """Seconds that the search has run, all sessions together, this one until now."""
        return self._wall_before + self._clock() - self._began

    def note_time(self, every_s: float = 0.0) -> None:
        """Keep how long the search has run, if the last note is as old as this; the time of a search that has ended stands."""
        now = self.wall_s
        if not self.complete and now - self.noted_s >= every_s:
            self._keep_seconds(now)

    def note_trials_begin(self) -> None:
        """Keep how long the search has run, the first time that a trial begins to train."""
        if self.alone_s is None:
            now = self.wall_s
            self._keep_seconds(now)
            self._keep_alone(now)

    @property
    def alone_wall_s(self) -> float:
        """Of the seconds that the search has run, those before any trial of its own was trained: what all rest on was, or found."""
        return self.wall_s if self.alone_s is None else self.alone_s

    def ask(self) -> tuple[int, str, dict[str, Value]] | None:
        """A setting that no trial has had: trial number, method, and searched values by full name; None if there is none left."""
        number = len(self._records)
        proposal = self._proposals.propose(number)
        if proposal is None:
            return None
        params, distributions = in_full(proposal, self.spec.spaces)
        self._trial_ids.append(begin(self._study, params, distributions, proposal.marks, proposal.point))
        self._records.append(Record(number, "running", proposal.method, proposal.values, None, None))
        return number, proposal.method, proposal.values

    def prepare(self, at_most: int) -> None:
        """Look for the next settings while trials run, where the sampler is slow; they are no trials before they are asked for.

        Args:
            at_most: how many may be ready.
        """
        self._proposals.prepare(len(self._records), at_most)

    @property
    def is_asking(self) -> bool:
        """Whether the next setting is being looked for, so that asking would wait for it."""
        return self._proposals.is_making

    def left_over(self) -> list[tuple[int, str, dict[str, Value]]]:
        """What earlier sessions asked for and never told."""
        return [(record.number, record.method, record.params) for record in self._records if record.state == "running"]

    def tell(self, number: int, result: TrialResult) -> Record:
        """Settle a trial: its result is kept whatever its state; a complete one sets the floor's constraint.

        Now and then the study is copied too.
        """
        result = self._estimates.rankable(result)
        keep_result(self._study, self._trial_ids[number], result, self._details.keep(result), waits=False)
        record = self._ended(number, result.brief)
        settle(self._study, self._trial_ids[number], self._outcome(record))
        self._order.append(number)
        return self._told(record)

    def pause(self, number: int, result: TrialResult) -> Record:
        """Tell a trial as pruned that may be taken up again; the study has it as running until :meth:`let_go`."""
        keep_result(self._study, self._trial_ids[number], result, self._details.keep(result), waits=True)
        self._waiting.add(number)
        return self._told(self._ended(number, result.brief))

    def keep_repeat(self, key: JobKey, result: TrialResult) -> Record:
        """Keep what came of one more seed of a trial; the sampler learns the means."""
        assert key.number is not None
        result = self._estimates.rankable(result)
        self._keep_repeat(key, result, self._details.keep(result))
        self._note_fold(key)
        record = self._records[key.number]
        if record.state == "complete":
            self._records[key.number] = record = self._judged(record._replace(repeats=self._repeats_of(key.number)))
            self._proposals.take_up(record.number, record.method)
            self._proposals.tell(record.number, record.method, self._outcome(record))
        self._copies.make_if_old()
        return record

    def repeat_result(self, key: JobKey) -> TrialResult | None:
        """All that came of one more seed of a trial; None while it runs."""
        row = self.repeats[key]
        return None if row is None or row.part is None else self._details.add_to(row.small, row.part) or row.small

    def _note_repeat(self, key: JobKey) -> None:
        """Know a repeat as its trial's."""
        assert key.number is not None
        self._keys_of.setdefault(key.number, []).append(key)
        self._note_fold(key)

    def _note_fold(self, key: JobKey) -> None:
        """Know on which fold a repeat was that has ended."""
        if (row := self.repeats[key]) is not None:
            self._fold_of[row.small.spec.id] = self.spec.fold_of(key.again or 0)

    def _repeats_of(self, number: int) -> tuple[Brief, ...]:
        rows = (self.repeats[key] for key in self._in_order(number))
        return tuple(row.brief for row in rows if row is not None)

    def _in_order(self, number: int) -> list[JobKey]:
        """The repeats of a trial that have been begun, the first one first; a study that is opened again has them by name."""
        return sorted(self._keys_of.get(number, ()), key=lambda key: key.again or 0)

    def begun_of(self, number: int) -> int:
        """How many further seeds of a trial have been begun."""
        return len(self._keys_of.get(number, ()))

    def begin_repeat(self, key: JobKey) -> None:
        """One more seed of a trial is about to be trained."""
        super().begin_repeat(key)
        self._note_repeat(key)

    def take_up(self, number: int) -> Record:
        """Let a trial that waits run again."""
        take_up(self._study, self._trial_ids[number])
        self._waiting.remove(number)
        self._proposals.take_up(number, self._records[number].method)
        self._records[number] = self._records[number]._replace(state="running", result=None)
        return self._records[number]

    def let_go(self, number: int) -> None:
        """End a trial that waits: it stays pruned."""
        settle(self._study, self._trial_ids[number], Outcome("pruned"))
        self._waiting.remove(number)
        self._order.append(number)

    @property
    def waiting(self) -> list[int]:
        """The trials that may be taken up again."""
        return sorted(self._waiting)

    def _ended(self, number: int, result: Brief) -> Record:
        """A trial of which this has come."""
        state = "failed" if result.state in ("running", "waiting") else result.state
        return self._judged(self._records[number]._replace(state=state, result=result))

    def _told(self, record: Record) -> Record:
        assert record.result is not None
        self._proposals.tell(record.number, record.method, self._outcome(record))
        self._records[record.number] = record
        self._taken_over += record.result.taken_from is not None
        self._copies.make_if_old()
        return record

    def ended_after(self, ends: int) -> list[Record]:
        """The trials that have ended for good after so many others had, in the order in which they did."""
        return [self._records[number] for number in self._order[ends:]]

    @property
    def asked(self) -> int:
        """How many trials have been asked for so far."""
        return len(self._records)

    @property
    def own(self) -> int:
        """How many of them the search has begun itself; no budget counts those that earlier runs have trained."""
        return self.asked - self._taken_over

    def record(self, number: int) -> Record:
        """One trial."""
        return self._records[number]

    def result(self, number: int) -> TrialResult | None:
        """All that came of a trial; None while it runs. Read from the disk: only its :class:`Record` is at hand.

        What is damaged on the disk is taken from the trial's own folder, or else left out with a warning: the scores stand.
        """
        if self._records[number].result is None:
            return None
        row = row_of(self._study._storage.get_trial(self._trial_ids[number]))
        if row is None or row.part is None:
            return None if row is None else row.small
        small = row.small
        whole = self._details.add_to(small, row.part) or self._folder.trial(number).read_ended(small.spec)
        if whole is None:
            lost = f"the epochs of {JobKey.trial(number)} are damaged in {self._details.path}: they are left out, its scores stand"
            logging.getLogger(__name__).warning(lost)
        return whole or small

    def records(self) -> list[Record]:
        """All trials asked for so far, by number."""
        return list(self._records)

    def views(self) -> list[View]:
        """The complete trials as the search's rule sees them."""
        return [view for record in self._records if (view := record.view) is not None]

    def views_for(self, rule: Rule) -> list[View]:
        """The same as another rule sees them: with its bounds in the place of those of the search's own, and feasible by them.

        A trial of which counts are damaged that the bounds take is left out with a warning: without them it would be judged by
        another score than the others.
        """
        seen = []
        for view in self.views():
            bounds = self._bounds(view.number, rule)
            if bounds is None:
                lacks = f"its counts, which {' and '.join(rule.bounds)} take, are damaged in {self._details.path}"
                logging.getLogger(__name__).warning(f"trial {view.number} is left out of the choice: {lacks}")
                continue
            val = {name: value for name, value in view.val.items() if name not in BOUNDS} | bounds
            record = self._records[view.number]
            seen.append(view._replace(val=val, feasible=self._is_feasible(record, val)))
        return seen

    def _bounds(self, number: int, rule: Rule) -> dict[str, float] | None:
        """The means over a trial's seeds of what a rule bounds; None where counts of one of them are damaged."""
        if not rule.bounds:
            return {}
        nets = self.nets_of(number)
        if len(nets) < len(self._records[number].scored):
            return None
        return mean_scores([rule.bound(one.counts("val"), one.val) for one in nets])

    def _outcome(self, record: Record) -> Outcome:
        if record.state != "complete":
            return Outcome("pruned" if record.state == "pruned" else "failed", taken_over=_is_taken_over(record))
        scores = ranked(record.val)
        useful = 0.0 if record.collapsed else scores["accuracy"]
        values, excess = [scores[name] for name in self._objectives], shortfall(useful, self.floor_of(record))
        return Outcome("complete", values, excess, _is_taken_over(record))

    def floor_of(self, record: Record) -> float:
        """The accuracy that a complete trial must reach: the mean of the floors of the folds that its seeds were validated on."""
        assert self.baseline is not None
        own = self.baseline.floor
        floors = [own] * len(record.scored) if self.spec.validation_folds == 1 else [*map(self._floor_on, record.scored)]
        return own if len(set(floors)) == 1 else statistics.fmean(floors)

    def _floor_on(self, training: Brief) -> float:
        return self.baseline_of(training.id).floor

    def folds_of(self, record: Record) -> int:
        """On how many validation folds a trial was scored."""
        return len({self._fold_of.get(one.id, 0) for one in record.scored})

    def baseline_of(self, training: str) -> Baseline:
        """The plain model on the fold that a training, by its id, was validated on."""
        assert self.baseline is not None
        fold = self._fold_of.get(training, 0)
        if fold == 0:
            return self.baseline
        result = self.folds[JobKey.of_fold(fold)]
        return Baseline(result, floor_on("val", self.spec.accuracy_floor, result))

    def baselines(self) -> list[Baseline]:
        """The plain model on the folds that trials were scored on, as often as the complete trial with most seeds was on each.

        One alone where they were scored on a single fold; that of the first before any trial is complete.
        """
        assert self.baseline is not None
        scored = max((record.scored for record in self._records if record.state == "complete"), key=len, default=[])
        found = [self.baseline_of(one.id) for one in scored]
        return found if len({one.result.spec.id for one in found}) > 1 else (found or [self.baseline])[:1]

    def nets_of(self, number: int) -> list[TrialResult]:
        """All of each training of a trial that has scores, in the order of its seeds, as far as their counts are kept."""
        whole = [self.result(number), *map(self.repeat_result, self._in_order(number))]
        return [one for one in whole if one is not None and one.state == "complete" and one.val_counts is not None]

    def _judged(self, record: Record) -> Record:
        """A trial that knows whether it is feasible."""
        if record.state != "complete" or self.baseline is None:
            return record._replace(feasible=None)
        return record._replace(feasible=self._is_feasible(record, record.val))

    def _is_feasible(self, record: Record, val: Mapping[str, float]) -> bool:
        return not record.collapsed and reaches(ranked(val)["accuracy"], self.floor_of(record))

    def _read(self, trial: optuna.trial.FrozenTrial) -> Record:
        method, params = read_back(trial.params, self.spec.spaces)
        row, finished = row_of(trial), trial.state.is_finished()
        waits = row is not None and row.waits and not finished
        if waits:
            self._waiting.add(trial.number)
        result = self._brief(row) if row is not None and (finished or waits) else None
        state = "pruned" if waits else _STATES[trial.state]
        return self._judged(Record(trial.number, state, method, params, result, None, self._repeats_of(trial.number)))

    def _brief(self, row: Row) -> Brief:
        """What came of a trial, in brief; of a complete one by an earlier version, with the estimates that searches rank by now."""
        brief = row.brief
        if brief.state != "complete" or not self._estimates.lacking(brief.val):
            return brief
        whole = row.small if row.part is None else self._details.add_to(row.small, row.part)
        return brief if whole is None else brief.model_copy(update={"val": self._estimates.added_to(whole).val})

    def _remember(self, trial: optuna.trial.FrozenTrial, record: Record) -> None:
        marks = {name: mark for name, mark in trial.system_attrs.items() if not name.startswith("constraints:")}
        self._proposals.remember(record.number, Proposal(record.method, record.params, point_of(trial), marks))
        if record.result is not None:
            self._proposals.tell(record.number, record.method, self._outcome(record))


def _is_taken_over(record: Record) -> bool:
    return record.result is not None and record.result.taken_from is not None


def search_size(spaces: dict[str, Space]) -> float:
    """How many different settings a search has; infinite as soon as one real range is searched."""
    return sum(space.size for space in spaces.values())


def trials_to_run(spec: SearchSpec) -> int:
    """How many trials a search has: as many as asked for, but not more than there are settings."""
    return int(min(spec.trials, search_size(spec.spaces)))
