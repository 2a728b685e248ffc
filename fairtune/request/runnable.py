"""Checks of what would fail in every trial: data, net and methods are put together once, on the CPU."""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path

import numpy as np
import torch

from fairtune.datasets import Info, Report, check_apart, check_same_test, check_test_part, prepare
from fairtune.errors import DataError, InvalidInput
from fairtune.methods import compose
from fairtune.models import Net
from fairtune.request.faults import Faults
from fairtune.space import Space
from fairtune.spec import Compile, Place, SearchSpec, TrialSpec
from fairtune.training.assembly import build_net, start_method
from fairtune.training.capture import check_capture
from fairtune.training.data import Data, check_data, make_dataset, open_data
from fairtune.training.device import parameter_dtype
from fairtune.training.loop import Training
from fairtune.training.sight import seen_by_teacher
from fairtune.training.teacher_fits import check_teacher_fits


def check_runnable(spec: SearchSpec, place: Place, faults: Faults, report: Report) -> None:
    """Decode and open the data, and build the net once: what fails here would fail in every trial."""
    plain = spec.plain()
    data = Path(place.data)
    dataset = make_dataset(spec.dataset)
    faults.attempt(lambda: dataset.check(data))
    if not faults.found:
        faults.attempt(lambda: prepare(dataset, data, report=report))
    opened = None if faults.found else faults.attempt(lambda: open_data(plain, data))
    if opened is None:
        return
    faults.attempt(lambda: check_test_part(dataset, data))
    if spec.validation_folds > 1:
        faults.attempt(partial(_check_folds, spec, opened, data))
    if spec.teacher_dataset is not None:
        faults.attempt(partial(_check_teacher, spec, opened.info, data))
    if spec.teacher_sees is not None:
        teacher = make_dataset(spec.teacher().dataset)
        faults.attempt(partial(seen_by_teacher, opened.train, teacher, data, spec.teacher_sees))
    net = faults.attempt(lambda: build_net(plain, opened.info, torch.device("cpu")))
    if net is None:
        return
    own = None if spec.teacher_model is None else faults.attempt(partial(_build_teacher, spec, opened.info))
    for method, space in spec.spaces.items():
        faults.attempt(partial(_check_method, method, space, plain, opened, net, place.compile, own))


def _check_folds(spec: SearchSpec, opened: Data, data: Path) -> None:
    """Check that the seed of the data decides what validates, and that every fold has samples of every cell."""
    for fold in range(1, spec.validation_folds):
        other = open_data(spec.on_fold(fold).plain(), data)
        if fold == 1 and np.array_equal(opened.validation.source, other.validation.source):
            raise InvalidInput(
                f"--validation-folds {spec.validation_folds}: {spec.dataset.name} has a validation split of its own, which no seed "
                "changes: leave it out"
            )


def _check_teacher(spec: SearchSpec, student: Info, data: Path) -> None:
    """Check that a teacher's own data can train it, that it sees and says what its student does, and no more."""
    dataset = make_dataset(spec.teacher().dataset)
    info = dataset.describe(data)
    if (info.classes, info.shape) != (student.classes, student.shape):
        raise InvalidInput("--teacher-set: the teacher's data have other classes or another shape than the student's")
    try:
        dataset.check(data)
        check_apart(make_dataset(spec.dataset), dataset, data)
        if spec.compare_with == "teacher":
            check_same_test(make_dataset(spec.dataset), dataset, data)
    except DataError as error:
        raise DataError(f"--teacher-set: {error}") from error


def _build_teacher(spec: SearchSpec, info: Info) -> Net:
    """A net of the teacher's own architecture, untrained."""
    try:
        return build_net(spec.teacher(), info, torch.device("cpu"))
    except InvalidInput as error:
        raise InvalidInput([f"the teacher: {fault}" for fault in error.faults]) from error


def _check_method(
    method: str, space: Space, plain: TrialSpec, data: Data, net: Net, how: Compile, teacher: Net | None = None
) -> None:
    """Set a method up as its trials will, on a copy of the net; what is searched is left at its default."""
    composite = compose(method, space.fixed)
    composite.check_epochs(plain.epochs, plain.protocol)
    check_data(data, plain, composite)
    train = data.on(torch.device("cpu"), parameter_dtype(plain.precision), data.train)
    own = copy.deepcopy(net)
    start_method(composite, own, train, plain)
    if teacher is not None and composite.needs_baseline:
        check_teacher_fits(method, composite, own, teacher, train)
    if how in ("default", "cudagraphs"):  # auto takes plain steps where they cannot be captured
        check_capture(Training(plain.model_copy(update={"method": method}), own, composite, train, train), how)
