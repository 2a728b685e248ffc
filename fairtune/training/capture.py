"""The terms of a step's loss, compiled into one graph and its gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from fairtune.errors import InvalidInput
from fairtune.records import Batch
from fairtune.seeding import generator, torch_stream
from fairtune.spec import Compile
from fairtune.training.loop import Training

_OPTIONS: dict[Compile, dict[str, str]] = {"default": {}, "cudagraphs": {"mode": "reduce-overhead"}}
"""What :func:`torch.compile` is told."""


def capture(training: Training, how: Compile) -> None:
    """Compile the forward pass and the loss of a training's steps, as one graph; optimisers and inner steps stay as they are.

    Numbers are those of the plain step up to rounding, but for dropout, whose masks come from another generator.

    Args:
        training: before its first step.
        how: ``off`` leaves it; ``default`` writes kernels of its own (inductor); ``cudagraphs`` also replays them as CUDA graphs.
    """
    if how != "off":
        objective = training.objective
        objective.terms = torch.compile(objective.terms, fullgraph=True, **_OPTIONS[how])  # type: ignore[method-assign,call-overload]


def check_capture(training: Training, how: Compile) -> None:
    """Check that a training's loss is one graph, by following its code in the first epoch and the last without compiling it.

    Args:
        training: one that nobody goes on with.
        how: for the message.

    Raises:
        InvalidInput: which method's is not, and why.
    """
    follow = torch.compile(training.objective.terms, fullgraph=True, backend="eager")
    try:
        with torch_stream(training.train.device, training.spec.seed, "noise", 0):
            for epoch in (0, training.spec.epochs - 1):
                training.epoch = epoch
                batch = _batch(training)
                follow(batch, _from_teacher(training, batch), training.progress)
    except torch._dynamo.exc.TorchDynamoException as error:
        reason = str(error).strip().partition("\n")[0]
        raise InvalidInput(
            f"--compile {how}: the loss of {training.spec.method} on {training.spec.model.name} cannot be captured as one graph "
            f"({reason}): leave --compile off"
        ) from error
    finally:
        torch.compiler.reset()


def _batch(training: Training) -> Batch:
    """Two samples, as a step of this epoch is trained on."""
    train, index = training.train, torch.arange(2, device=training.train.home)
    drawn, second = (
        tuple(values[0] for values in train.draw((1, len(index)), generator(training.spec.seed, "order", training.epoch, view)))
        for view in (1, 2)
    )
    return training.prepared(index, drawn, second)


@torch.no_grad()
def _from_teacher(training: Training, batch: Batch) -> dict[str, Tensor]:
    """What the loss would be given; the net stands in for its teacher."""
    return training.method.from_teacher(training.forward(batch)) if training.method.needs_teacher else {}
