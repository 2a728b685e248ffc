"""Checks of what would fail in every trial: data, net and methods are put together once, on the CPU."""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path

import torch

from fairtune.datasets import Info, Report, check_apart, check_test_part, prepare
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


def check_runnable(spec: SearchSpec, place: Place, faults: Faults, report: Report) -> None:
    """Decode and open the data, and build the net once: what fails here would fail in every trial."""
    baseline = spec.baseline()
    data = Path(place.data)
    dataset = make_dataset(spec.dataset)
    faults.attempt(lambda: dataset.check(data))
    if not faults.found:
        faults.attempt(lambda: prepare(dataset, data, report=report))
    opened = None if faults.found else faults.attempt(lambda: open_data(baseline, data))
    if opened is None:
        return
    faults.attempt(lambda: check_test_part(dataset, data))
    if spec.teacher_dataset is not None:
        faults.attempt(partial(_check_teacher, spec, opened.info, data))
    net = faults.attempt(lambda: build_net(baseline, opened.info, torch.device("cpu")))
    if net is None:
        return
    for method, space in spec.spaces.items():
        faults.attempt(partial(_check_method, method, space, baseline, opened, net, place.compile))


def _check_teacher(spec: SearchSpec, student: Info, data: Path) -> None:
    """Check that a teacher's own data can train it, that it sees and says what its student does, and no more."""
    dataset = make_dataset(spec.teacher().dataset)
    info = dataset.describe(data)
    if (info.classes, info.shape) != (student.classes, student.shape):
        raise InvalidInput("--teacher-set: the teacher's data have other classes or another shape than the student's")
    try:
        dataset.check(data)
        check_apart(make_dataset(spec.dataset), dataset, data)
    except DataError as error:
        raise DataError(f"--teacher-set: {error}") from error


def _check_method(method: str, space: Space, baseline: TrialSpec, data: Data, net: Net, how: Compile) -> None:
    """Set a method up as its trials will, on a copy of the net; what is searched is left at its default."""
    composite = compose(method, space.fixed)
    composite.check_epochs(baseline.epochs, baseline.protocol)
    check_data(data, baseline, composite)
    train = data.on(torch.device("cpu"), parameter_dtype(baseline.precision), data.train)
    own = copy.deepcopy(net)
    start_method(composite, own, train, baseline)
    if how != "off":
        check_capture(Training(baseline.model_copy(update={"method": method}), own, composite, train, train), how)
