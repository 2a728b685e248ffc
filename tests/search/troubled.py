"""Methods that give their worker, or their user, trouble."""

import time
from dataclasses import dataclass

import torch

from fairtune.methods import Method
from fairtune.space import Real, hyperparameter


@dataclass
class Hungry(Method):
    """Runs out of memory in its second epoch from a weight of 2 on."""

    weight: float = hyperparameter(1.0, Real(low=0, high=10), search=Real(low=0.1, high=10), help="how bad it is")

    def loss(self, student, teacher, batch, progress):
        if self.weight >= 2 and progress.epoch == 1:
            raise MemoryError
        return {"nothing": torch.zeros(())}


@dataclass
class Hanging(Method):
    """Never ends its second epoch from a weight of 2 on."""

    weight: float = hyperparameter(1.0, Real(low=0, high=10), search=Real(low=0.1, high=10), help="how bad it is")

    def loss(self, student, teacher, batch, progress):
        if self.weight >= 2 and progress.epoch == 1:
            time.sleep(3600)
        return {"nothing": torch.zeros(())}


@dataclass
class OneClass(Method):
    """Leaves a net that gives every image the first class."""

    @torch.no_grad()
    def end_epoch(self, loop, means, progress):
        loop.net.head.weight.zero_()
        loop.net.head.bias.zero_()[0] = 1
        return {}
