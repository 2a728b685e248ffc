"""What a step descends."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from fairtune.methods import TASK, Composite, Progress
from fairtune.models import Net
from fairtune.records import Batch, Outputs
from fairtune.spec import Precision
from fairtune.training.device import autocast, parameter_dtype


class Objective:
    """The terms of a step's loss: the net's forward pass, the task loss, and what the method adds.

    All of it stays on the device of the batch and nothing asks for the value of a tensor, so that a GPU is never waited for and the
    whole can be captured.

    Args:
        net: the net.
        method: the method, started.
        precision: of the forward pass.
        class_weights: of the classes in the task loss ``(K,)``; None weighs all alike.
    """

    def __init__(self, net: Net, method: Composite, precision: Precision, class_weights: Tensor | None = None) -> None:
        self.net = net
        self.method = method
        self.precision = precision
        self.class_weights = class_weights

    def forward(self, batch: Batch) -> Outputs:
        """Run the net on a batch, in the trial's precision; outputs in the weights' dtype."""
        with autocast(batch.x.device, self.precision):
            out: Outputs = self.net(batch.x, want_maps=self.method.needs_maps)
        return out.to(parameter_dtype(self.precision))

    def terms(self, batch: Batch, teacher: Mapping[str, Tensor], progress: Progress) -> tuple[dict[str, Tensor], Tensor]:
        """The terms by name, scalars with gradient, and the share of the batch that the net gets right."""
        student = self.forward(batch)
        task = {} if self.method.trains_alone(progress) else {TASK: self.method.task_loss(student, batch, self.class_weights)}
        return task | self.method.loss(student, teacher, batch, progress), right_of(student.logits, batch)


def right_of(logits: Tensor, batch: Batch) -> Tensor:
    """The share of predictions that are right; of mixed samples as far as they are of the class predicted."""
    predicted = logits.detach().argmax(1)
    right = (predicted == batch.y).to(logits.dtype)
    if batch.share is not None and batch.y2 is not None:
        right = batch.share * right + (1 - batch.share) * (predicted == batch.y2)
    return right.mean()
