"""The terms of a step's loss, compiled into one graph and its gradient."""

from __future__ import annotations

import torch

from fairtune.errors import InvalidInput
from fairtune.methods import Progress
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
    """Check that a training's loss is one graph, by following its code without running or compiling it.

    Raises:
        InvalidInput: which method's is not, and why.
    """
    batch = training.train.batch(torch.arange(2, device=training.train.home))
    with torch.no_grad():
        teacher = training.method.from_teacher(training.forward(batch)) if training.method.needs_teacher else {}
    follow = torch.compile(training.objective.terms, fullgraph=True, backend="eager")
    try:
        follow(batch, teacher, Progress(0, training.spec.epochs))
    except torch._dynamo.exc.TorchDynamoException as error:
        reason = str(error).strip().partition("\n")[0]
        raise InvalidInput(
            f"--compile {how}: the loss of {training.spec.method} on {training.spec.model.name} cannot be captured as one graph "
            f"({reason}): leave --compile off"
        ) from error
    finally:
        torch.compiler.reset()
