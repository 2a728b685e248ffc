"""What a search took for its own methods, and what the plain model took that it is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from fairtune.spec import Brief, Place, SearchSpec
from fairtune.study.retrained import setting_of
from fairtune.study.study import SearchStudy
from fairtune.study.teacher import trained_teacher


class Spent(BaseModel):
    """What trainings took.

    Attributes:
        trainings: how many.
        epochs: trained.
        seconds: of the trainings, however many ran at a time.
        gpu_s: seconds, each times the GPUs that its training had; 0 on CPUs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trainings: int = 0
    epochs: int = 0
    seconds: float = 0.0
    gpu_s: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(**{name: value + getattr(other, name) for name, value in self})

    def __sub__(self, other: Spent) -> Spent:
        return Spent(**{name: value - getattr(other, name) for name, value in self})


class Split(NamedTuple):
    """What a search took; each training is in one of the first two.

    Attributes:
        own: its trials, their further seeds, the retrainings of its choices, and a teacher that is not the baseline. Trials that an
            earlier run trained are not counted.
        baseline: the plain model on every validation fold, and its retrainings.
        teacher: of its own, which other searches may have too.
    """

    own: Spent
    baseline: Spent
    teacher: Spent = Spent()


def spent(spec: SearchSpec, place: Place, study: SearchStudy) -> Split:
    """What a search has taken so far."""
    own, teacher = list(_found(study)), trained_teacher(spec, place)
    taught = [] if teacher is None else [teacher.brief]
    baseline = [result.brief for result in study.folds.values()]
    if study.baseline is not None:
        baseline.append(study.baseline.result.brief)
    for result in study.finals.values():
        (baseline if setting_of(result.spec, spec) == spec.baseline().id else own).append(result.brief)
    return Split(_sum([*taught, *own], place), _sum(baseline, place), _sum(taught, place))


def _found(study: SearchStudy) -> Iterator[Brief]:
    """The trainings that find a choice, but for a teacher's."""
    for record in study.records():
        if record.result is not None and record.result.taken_from is None:
            yield record.result
        yield from record.repeats


def _sum(trainings: Sequence[Brief], place: Place) -> Spent:
    return Spent(
        trainings=len(trainings),
        epochs=sum(one.epochs for one in trainings),
        seconds=sum(one.seconds for one in trainings),
        gpu_s=sum(one.gpu_s(place.gpus_per_trial) for one in trainings),
    )
