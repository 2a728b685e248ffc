"""Whether a batch can be computed in parts whose gradients are added up, with what the whole batch would give."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from fairtune.errors import InvalidInput
from fairtune.methods import Composite, overrides
from fairtune.spec import TrialSpec

_SEE_THE_BATCH = ("before_update", "inner_step")
"""Hooks of a whole step, to which a part would be given as its batch."""


def check_micro_batches(spec: TrialSpec, method: Composite, net: nn.Module) -> None:
    """Check that the parts of a batch add up to it.

    They do for every method whose terms are means over samples and that does nothing else in a step, and for every net in which no
    sample sees another. Dropout draws other masks of the same distribution.

    Raises:
        InvalidInput: who looks at the batch as a whole, and what to do.
    """
    if spec.micro_batch is None:
        return
    if spec.micro_batch >= spec.batch_size:
        raise InvalidInput(f"--micro-batch {spec.micro_batch}: batches have {spec.batch_size} samples: give fewer, or leave it out")
    if whole := [name for name, part in method.parts.items() if not part.per_sample]:
        raise InvalidInput(
            f"--micro-batch {spec.micro_batch}: the loss of {' and '.join(whole)} compares the samples of a batch with each other, "
            "so its parts would train something else: leave it out, and lower --batch-size where a batch does not fit"
        )
    hooks = {name: [hook for hook in _SEE_THE_BATCH if overrides(part, hook)] for name, part in method.parts.items()}
    if acting := [f"{name} ({', '.join(own)})" for name, own in hooks.items() if own]:
        raise InvalidInput(
            f"--micro-batch {spec.micro_batch}: {' and '.join(acting)} acts on the whole batch of a step, of which it would see "
            "a part alone: leave it out, and lower --batch-size where a batch does not fit"
        )
    layers = sorted({type(module).__name__ for module in net.modules() if isinstance(module, _BatchNorm)})
    if layers and method.trains_net:
        raise InvalidInput(
            f"--micro-batch {spec.micro_batch}: the model {spec.model.name} normalises over the batch ({', '.join(layers)}), "
            "so its parts would train something else: leave it out, or take a model that doesn't, such as cnn or "
            "torchvision:convnext_tiny"
        )
