"""How a GPU is given the steps of a training: one by one, replayed, or compiled."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from fairtune.errors import InvalidInput
from fairtune.records import Batch
from fairtune.seeding import generator, torch_stream
from fairtune.spec import Compile
from fairtune.training.loop import Training


def capture(training: Training, how: Compile) -> None:
    """Have a training's steps replayed or compiled; numbers are those of the plain steps up to rounding.

    Args:
        training: before its first step.
        how: ``off`` leaves it. ``auto`` has a GPU replay whole steps, see :mod:`fairtune.training.replay`, where it can;
            ``cudagraphs`` has it replay them or refuses. ``default`` compiles the forward pass and the loss into kernels
            of their own (inductor), on a CPU too; dropout's masks are then others.
    """
    match how:
        case "default":
            warnings.filterwarnings("ignore", "TensorFloat32 tensor cores", UserWarning)  # float32 stays exact
            training.objective.terms = torch.compile(training.objective.terms, fullgraph=True)  # type: ignore[method-assign]
        case "auto":
            training.replays = "where it can"
        case "cudagraphs":
            training.replays = "always"


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
