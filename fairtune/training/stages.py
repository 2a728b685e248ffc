"""Which epochs of a training stand for all of them."""

from __future__ import annotations

from fairtune.methods import Progress
from fairtune.training.loop import Training


def standing_for(training: Training) -> dict[int, int]:
    """The first and the last epoch, and for how many each stands: the last for all of its stage, the first for the others.

    Where a training has one stage, its first epoch stands for none.
    """
    epochs = training.spec.epochs
    alone = [training.method.trains_alone(Progress(epoch, epochs)) for epoch in range(epochs)]
    last = alone.count(alone[-1])
    return {0: epochs - last, epochs - 1: last}
