"""What a search will take here: said before it starts, and refused where its time budget is too short for an outcome."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import NamedTuple

import psutil
import torch

from fairtune.api.fitting import expected_memory
from fairtune.api.memory import PROCESS_GIB, counted_gib
from fairtune.api.remaining import Remaining, remaining
from fairtune.errors import Diverged, InvalidInput, NoBaseline
from fairtune.names import counted
from fairtune.report.progress import format_duration
from fairtune.sizes import GIB
from fairtune.spec import Place, SearchSpec, TrialSpec
from fairtune.study.folders import RunFolder
from fairtune.study.key import JobKey
from fairtune.study.study import SearchStudy
from fairtune.study.teacher import teacher_beside, trained_teacher
from fairtune.training.cards import Card
from fairtune.training.cost import Shape
from fairtune.training.data import Data, open_data
from fairtune.training.device import pick_device
from fairtune.training.pace import seconds_of_training

START_S = 11.0
"""Until Ray runs and its first worker has imported what it needs, as measured on two cores."""


class Expected(NamedTuple):
    """What a search is expected to take.

    Attributes:
        time: how long, in words; None where that is not known before its first training has ended.
        memory_gib: of the machine's memory, for each trial.
    """

    time: str | None
    memory_gib: float


class _Pace(NamedTuple):
    """What is known of the trainings of a search before it starts.

    Attributes:
        one_s: seconds of one of the baseline.
        known: whether the baseline has been trained.
        abreast: how many run at a time.
        like_trial: how many batches a trial is computed on for each of the baseline's, which may have other data and epochs.
        teacher_s: seconds of one of the teacher, where that is another net and not there.
        memory_gib: what a training takes of the machine's memory.
    """

    one_s: float
    known: bool
    abreast: int
    like_trial: float = 1.0
    teacher_s: float = 0.0
    memory_gib: float = PROCESS_GIB

    def whole(self, trials: int, retrained: int) -> float:
        """Seconds of a search of so many trainings."""
        after = math.ceil(trials / self.abreast) + math.ceil(retrained / self.abreast)
        return self.one_s * (not self.known) + self.teacher_s + self.one_s * self.like_trial * after


def expect(spec: SearchSpec, place: Place, data: Data, study: SearchStudy | None) -> Expected:
    """How long what a search has left will take, and how much memory each of its trials.

    On a GPU no steps are timed, as the process that drives the search would hold memory of it to the end; said is what they take of
    it.

    Args:
        spec: the search.
        place: where it runs.
        data: of its trials.
        study: its record; None where it has not begun.

    Raises:
        InvalidInput: the time budget of a search that has not begun is too short for an outcome.
        NoBaseline: the baseline or the teacher diverges in the steps that are timed.
    """
    pace = _pace(spec, place, data)
    if pace is None:
        shape = Shape.of(data)
        words = expected_memory(spec, shape, _share(place)) if place.address is None else None
        return Expected(words, counted_gib(spec, shape, on_gpu=place.gpus_per_trial > 0))
    if study is None:
        _check(spec, pace)
    left = remaining(spec, place, study)
    budget = math.inf if spec.time_budget_s is None else spec.time_budget_s - (0.0 if study is None else study.noted_s)
    shortest = min(START_S + pace.whole(left.of_trials, left.retrainings), max(START_S, budget))
    taught = f", {format_duration(pace.teacher_s)} for the teacher" if pace.teacher_s else ""
    words = (
        f"about {format_duration(shortest)}: {format_duration(pace.one_s)} for a training of the baseline{taught}, methods take "
        f"longer; {_in_words(left, begun=study is not None)}, {pace.abreast} at a time, and {format_duration(START_S)} to start Ray"
    )
    return Expected(words, pace.memory_gib)


def _in_words(left: Remaining, *, begun: bool) -> str:
    """How many trainings are left, by what they are for."""
    trials = counted(left.trials, "trial") + " left" * begun + " within --epoch-budget" * left.cut
    further = f", at most {counted(left.further, 'further training')} of trials" if left.further else ""
    return f"{trials}{further} and at most {counted(left.retrainings, 'retraining')}"


def _pace(spec: SearchSpec, place: Place, data: Data) -> _Pace | None:
    if place.address is not None:
        return None
    baseline, teacher, device = spec.baseline(), teacher_beside(spec), pick_device(place.gpus_per_trial)
    trained = RunFolder.of(place).job(JobKey("baseline"), baseline).read_trained()
    if trained is None and device.type != "cpu":
        return None
    threads = max(1, int(place.cpus_per_trial))

    def seconds(training: TrialSpec) -> float:
        its = data_of(training, spec, place, data)
        assert its is not None
        try:
            return seconds_of_training(training, its, device, threads=threads, how=place.compile)
        except Diverged as error:
            what = "baseline" if training == baseline else "teacher"
            raise NoBaseline(f"the {what} could not be trained: in its first steps {error}") from error

    one_s = seconds(baseline) if trained is None else trained.seconds
    its = data_of(baseline, spec, place, data)
    assert its is not None
    memory_gib = counted_gib(spec, Shape.of(its), on_gpu=device.type != "cpu")
    like_trial = spec.epochs * len(data.train) / (baseline.epochs * len(its.train))
    there = teacher is None or trained_teacher(spec, place) is not None
    teacher_s = 0.0 if there or teacher is None or device.type != "cpu" else seconds(teacher)
    at_once = abreast(place.model_copy(update={"expected_memory_gib": memory_gib}))
    return _Pace(one_s, trained is not None, at_once, like_trial, teacher_s, memory_gib)


def data_of(training: TrialSpec, spec: SearchSpec, place: Place, data: Data | None) -> Data | None:
    """The data of a training of a search, whose baseline and teacher may have others than its trials.

    Args:
        training: the training.
        spec, place: the search.
        data: of its trials; None where they are not there.
    """
    return data if data is None or training.dataset == spec.dataset else open_data(training, Path(place.data))


def _share(place: Place) -> Card:
    """What a trial has of this machine's GPU."""
    gpu = torch.cuda.get_device_properties(0)
    return Card(gpu.name, 0.0, 0.0, gpu.total_memory * min(1.0, place.gpus_per_trial) / GIB)


def abreast(place: Place) -> int:
    """How many trainings run at a time on this machine."""
    fitting = [int((os.cpu_count() or 1) / place.cpus_per_trial)]
    if place.gpus_per_trial > 0:
        fitting.append(int(torch.cuda.device_count() / place.gpus_per_trial))
    if place.memory_gib > 0:
        fitting.append(int(psutil.virtual_memory().available / GIB / place.memory_gib))
    if place.max_concurrent is not None:
        fitting.append(place.max_concurrent)
    return max(1, min(fitting))


def _check(spec: SearchSpec, pace: _Pace) -> None:
    least = START_S + pace.whole(1, 2)
    if spec.time_budget_s is not None and spec.time_budget_s < least:
        raise InvalidInput(
            f"--time-budget {format_duration(spec.time_budget_s)}: the baseline, one trial and a retraining of each take at least "
            f"about {format_duration(least)} here, Ray's start included ({spec.epochs} epochs of "
            f"{pace.one_s * pace.like_trial / spec.epochs:.2g} s): give more, or lower --epochs"
        )
