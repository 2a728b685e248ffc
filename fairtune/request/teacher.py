"""What of the teacher is its own: its data, its architecture, how it is trained, what it sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fairtune.datasets import Dataset
from fairtune.errors import unknown_name
from fairtune.methods import compose
from fairtune.models import Net
from fairtune.request.faults import Faults
from fairtune.request.options import Request
from fairtune.request.plugin_options import check_keys, dataset_options, options_given, options_of, values_given
from fairtune.request.settings import Setting
from fairtune.request.spaces import OPTIMIZER
from fairtune.space import Space
from fairtune.spec import Optimizer, PlugIn
from fairtune.training.sight import MEAN

_FLAG = "--teacher-set"


class OwnTeacher(NamedTuple):
    """What differs from the students; None where nothing does."""

    dataset: PlugIn | None = None
    model: PlugIn | None = None
    optimizer: Optimizer | None = None


def own_teacher(
    request: Request, dataset: type[Dataset], model: PlugIn, optimizer: Optimizer, settings: Sequence[Setting], faults: Faults
) -> OwnTeacher:
    """What a request says of the teacher alone.

    Args:
        request: what the user typed.
        dataset: of students and teacher.
        model: the students'.
        optimizer: the students'.
        settings: what is set of the students' dataset.
        faults: takes those of what is said.
    """
    own = request.teacher_set
    net = Net.load(request.teacher_model or model.name)
    known = OPTIMIZER | options_of("dataset", dataset) | options_of("model", net)
    check_keys(known, own, faults, flag=_FLAG, kind="setting of the teacher")
    of_dataset = options_given("dataset", dataset, own, faults, flag=_FLAG)
    of_model = options_given("model", net, own, faults, flag=_FLAG)
    of_optimizer = values_given(OPTIMIZER, own, faults, "optimiser", flag=_FLAG)
    changed = {name.removeprefix("optimizer."): value for name, value in of_optimizer.items()}
    if net is not Net.load(model.name) and request.compare_with == "teacher":
        faults.found.append(
            f"--compare-with teacher: the trials are of {model.name}, the teacher is of {request.teacher_model}, and the net that "
            "sets the floor is of the trials' architecture: leave --compare-with out, or give both the same model"
        )
    same = net is Net.load(model.name)
    return OwnTeacher(
        PlugIn(name=request.dataset, options=dataset_options(request, dataset, settings, faults, own)) if of_dataset else None,
        None
        if same and not of_model
        else faults.attempt(
            lambda: PlugIn(
                name=request.teacher_model or model.name, options=net.complete({**(model.options if same else {}), **of_model})
            )
        ),
        faults.attempt(lambda: Optimizer.model_validate({**optimizer.model_dump(), **changed})) if changed else None,
    )


def sight_of_teacher(request: Request, spaces: Mapping[str, Space], groups: Sequence[str]) -> list[str]:
    """Faults of what the teacher is to see.

    Args:
        request: what the user typed.
        spaces: of the methods.
        groups: names of the dataset's.
    """
    if request.teacher_sees is None:
        return []
    faults = []
    if request.teacher_sees not in (MEAN, *groups):
        faults.append(f"--teacher-sees: {unknown_name('version', request.teacher_sees, (MEAN, *groups))}")
    faults += [
        f"--teacher-sees: {method} has no teacher that sees images: leave it out"
        for method, space in spaces.items()
        if not compose(method, space.fixed).needs_teacher
    ]
    return faults
