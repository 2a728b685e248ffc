"""Random batches, with what a student and a teacher say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fairtune.methods import Composite, Context, Progress, Protocol, compose
from fairtune.models import Net
from fairtune.models._perceptron import Perceptron
from fairtune.records import Batch, Outputs
from fairtune.seeding import torch_stream
from fairtune.space import Value
from fairtune.testing.trainings import CPU

K, A, D, E = 3, 2, 6, 5
MAP = (4, 3, 3)


def small_net(num_classes: int) -> Net:
    """A net in float64 that takes the batches of :func:`random_example`, and whose head fits its embedding."""
    return Perceptron((D,), num_classes, (8, E)).double()


def started(
    method: str,
    values: Mapping[str, Value] | None = None,
    *,
    protocol: Protocol = "fixed",
    num_classes: int = K,
    num_groups: int = A,
    features: tuple[int, ...] = (D,),
) -> Composite:
    """A method bound to a float64 trial of a small net on :func:`random_example`."""
    composite = compose(method, values or {})
    context = Context(
        num_classes,
        num_groups,
        features,
        CPU,
        protocol,
        torch.float64,
        embedding_size=E,
        cells=np.full((num_groups, num_classes), 8),
        shares=np.full((num_groups, num_classes), 1 / (num_groups * num_classes)),
        net=small_net(num_classes),
    )
    with torch_stream(CPU, 0, "method"):
        composite.start(context)
    return composite


@dataclass
class Example:
    """A random batch with a student's outputs, which want a gradient, and a teacher's."""

    student: Outputs
    teacher: Outputs
    batch: Batch

    @property
    def leaves(self) -> tuple[Tensor, ...]:
        """What the student's outputs are, and gradients are asked for."""
        return _tensors(self.student)

    def terms(self, composite: Composite, progress: Progress | None = None) -> dict[str, Tensor]:
        """The method's loss terms on this batch."""
        return composite.loss(self.student, composite.from_teacher(self.teacher), self.batch, progress or Progress(1, 4))

    def reordered(self, order: Tensor) -> Example:
        """The same samples in another order."""
        student, teacher = (Outputs(*(part.detach()[order] for part in _tensors(side))) for side in (self.student, self.teacher))
        batch = Batch(self.batch.x[order], self.batch.y[order], self.batch.a[order], self.batch.index[order])
        return Example(_wanting_gradients(student), teacher, batch)


def random_example(
    y: Tensor, a: Tensor, *, seed: int = 0, num_classes: int = K, features: tuple[int, ...] = (D,), scale: float = 1.0
) -> Example:
    """Normal outputs of that scale for samples of these labels and groups, each ``(B,)``."""
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return scale * torch.randn(len(y), *shape, generator=rng, dtype=torch.float64)

    student, teacher = (Outputs(draw(num_classes), draw(*features).relu(), draw(*MAP).relu(), draw(E).relu()) for _ in range(2))
    return Example(_wanting_gradients(student), teacher, Batch(draw(D), y, a, torch.arange(len(y))))


def _tensors(outputs: Outputs) -> tuple[Tensor, ...]:
    return tuple(part for part in outputs if part is not None)


def _wanting_gradients(outputs: Outputs) -> Outputs:
    for part in _tensors(outputs):
        part.requires_grad_()
    return outputs
