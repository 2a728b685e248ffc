"""The teacher of a search: its baseline, or one more training, whose folder is its record."""

from __future__ import annotations

from fairtune.methods import compose
from fairtune.spec import Place, SearchSpec, TrialResult, TrialSpec
from fairtune.study.folders import RunFolder
from fairtune.study.key import JobKey


def teacher_beside(spec: SearchSpec) -> TrialSpec | None:
    """The teacher of a search, if it is a training of its own and some method wants one."""
    wanted = any(compose(method, space.fixed).needs_baseline for method, space in spec.spaces.items())
    teacher = spec.teacher()
    return teacher if wanted and teacher != spec.baseline() else None


def baseline_teaches(spec: SearchSpec) -> bool:
    """Whether all methods of a search learn from its baseline, which is their teacher then."""
    taught = all(compose(method, space.fixed).needs_baseline for method, space in spec.spaces.items())
    return taught and spec.teacher() == spec.baseline()


def trained_teacher(spec: SearchSpec, place: Place) -> TrialResult | None:
    """What came of it; None where there is none, or it has not been trained."""
    teacher = teacher_beside(spec)
    return None if teacher is None else RunFolder.of(place).job(JobKey("teacher"), teacher).read_result()
