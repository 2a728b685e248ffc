"""Whether a student can learn from a teacher of another architecture."""

from __future__ import annotations

import torch
from torch import Tensor

from fairtune.batches.split import DeviceSplit
from fairtune.errors import InvalidInput
from fairtune.methods import Composite
from fairtune.models import Net


@torch.no_grad()
def check_teacher_fits(name: str, method: Composite, student: Net, teacher: Net, train: DeviceSplit) -> None:
    """Check that what a method takes of the teacher's outputs has the shape of the student's, or that weights can be taken over.

    Args:
        name: the method's.
        method: started on the student.
        student: its net.
        teacher: a net of the teacher's architecture, of any weights.
        train: the student's training split.

    Raises:
        InvalidInput: it does not fit; says what does.
    """
    if method.starts_from_teacher and _shapes(student.state_dict()) != _shapes(teacher.state_dict()):
        raise InvalidInput(
            f"{name} starts from the teacher's weights, so that the teacher must be of the students' architecture: leave out "
            "--teacher-model, or take a method that distils"
        )
    batch = train.batch(torch.zeros(1, dtype=torch.int64, device=train.device))
    of_student, of_teacher = (net.eval()(batch.x, want_maps=method.needs_maps) for net in (student, teacher))
    if method.needs_maps and of_teacher.maps is None:
        raise InvalidInput(f"{name} looks at the map of a convolution, and the teacher has none: give another --teacher-model")
    wanted, given = (_shapes(method.from_teacher(out)) for out in (of_student, of_teacher))
    faults = [
        f"{name} compares {part.replace('_', ' ')} with the teacher's, and these are of {_size(given[part])} where the students' "
        f"are of {_size(shape)}: give the teacher a model whose {part.replace('_', ' ')} have that shape (fairtune list models; "
        "tap=pooled, where a model has it, gives a vector), or take a method that compares predictions alone, as hkd"
        for part, shape in wanted.items()
        if given[part] != shape
    ]
    if faults:
        raise InvalidInput(faults)


def _shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape[1:]) if tensor.dim() else () for name, tensor in tensors.items()}


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
