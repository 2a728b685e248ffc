"""What a search is still to train."""

from __future__ import annotations

import math
from typing import NamedTuple

from fairtune.rules import objectives_of
from fairtune.search.budget import most_confirmed, most_retrainings
from fairtune.search.confirmation import has_other_limits, retrainings, roles_to_confirm, settings_to_confirm
from fairtune.search.repeats import most_trainings
from fairtune.spec import Place, SearchSpec
from fairtune.study.retrained import setting_of
from fairtune.study.spent import spent
from fairtune.study.study import SearchStudy, trials_to_run
from fairtune.study.teacher import teacher_beside


class Remaining(NamedTuple):
    """Trainings that a search has left, at most; the baseline and a teacher are not among them.

    Attributes:
        trials: that are to be trained to their end.
        further: further seeds of trials, and baselines of further folds.
        retrainings: that confirm.
        cut: whether a budget of epochs has room for fewer trials than were asked for.
    """

    trials: int
    further: int
    retrainings: int
    cut: bool = False

    @property
    def of_trials(self) -> int:
        """All but what confirms."""
        return self.trials + self.further


def remaining(spec: SearchSpec, place: Place, study: SearchStudy | None) -> Remaining:
    """What a search has left to train, as far as its trials and a budget of epochs say.

    Args:
        spec: the search.
        place: where it runs.
        study: its record; None where it has not begun.
    """
    return _within_epochs(_asked_for(spec, study), spec, place, study)


def _asked_for(spec: SearchSpec, study: SearchStudy | None) -> Remaining:
    """What is left whatever it takes."""
    trials, confirmed = trials_to_run(spec), most_retrainings(spec.select, spec.final_seeds)
    further = most_trainings(spec) - trials
    if study is None:
        return Remaining(trials, further, confirmed)
    if study.choice is not None and not has_other_limits(spec, study, study.choice):
        settings = settings_to_confirm(spec, study, roles_to_confirm(study.choice))
        return Remaining(0, 0, len(retrainings(spec, study, settings)))
    running = sum(record.state == "running" for record in study.records())
    again = len(study.folds) + sum(row is not None for row in study.repeats.values())
    known = sum(setting_of(result.spec, spec) == spec.baseline().id for result in study.finals.values())
    return Remaining(max(0, trials - study.own) + running, max(0, further - again), confirmed - known)


def _within_epochs(left: Remaining, spec: SearchSpec, place: Place, study: SearchStudy | None) -> Remaining:
    """What of it fits the epochs that are left, of which some are kept for the confirmation, as the search does."""
    if spec.epoch_budget is None:
        return left
    teacher = teacher_beside(spec)
    shared = spec.baseline().epochs + (0 if teacher is None else teacher.epochs)
    room = (spec.epoch_budget - shared) / spec.epochs
    taken = 0 if study is None else _epochs_of_trials(spec, place, study) / spec.epochs
    chosen = study is not None and any(record.feasible for record in study.records())
    retrained = 0 if study is None else sum(final.epochs for final in study.finals.values()) / spec.epochs
    kept = min(left.retrainings if chosen else most_confirmed(objectives_of(spec.select)), (room - retrained) / 2)
    fits = max(0, int(room - kept - taken))
    if fits < left.of_trials:
        trials = fits * left.trials // left.of_trials
        further = math.ceil(left.further * trials / left.trials) if left.trials else fits
        left = Remaining(trials, min(further, fits - trials), left.retrainings, cut=True)
    confirmed = max(int(room - taken) - left.of_trials, most_confirmed(objectives_of(spec.select)))
    return left._replace(retrainings=min(left.retrainings, confirmed))


def _epochs_of_trials(spec: SearchSpec, place: Place, study: SearchStudy) -> int:
    """Epochs trained so far of all but the baseline on the search's own seed and fold, and a teacher."""
    found = spent(spec, place, study)
    first = 0 if study.baseline is None else study.baseline.result.epochs
    return found.own.epochs - found.teacher.epochs + found.baseline.epochs - first
