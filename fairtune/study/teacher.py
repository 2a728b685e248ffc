"""A teacher that is not the baseline: one more training of a search, whose folder is its record."""

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


def trained_teacher(spec: SearchSpec, place: Place) -> TrialResult | None:
    """What came of it; None where there is none, or it has not been trained."""
    teacher = teacher_beside(spec)
    return None if teacher is None else RunFolder.of(place).job(JobKey("teacher"), teacher).read_result()
