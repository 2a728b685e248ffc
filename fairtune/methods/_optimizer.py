"""The optimiser of a net, and of nets that are trained as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import nn

from fairtune.methods._eager import SGD, Adam
from fairtune.spec import Optimizer

MakeOptimizer = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


def adam(lr: float, weight_decay: float = 0.0) -> MakeOptimizer:
    """Adam, fused: its whole state lies where the parameters are, so that a GPU can replay its steps."""
    return partial(Adam, lr=lr, weight_decay=weight_decay, fused=True)


def make_optimizer(parameters: Iterable[nn.Parameter], spec: Optimizer) -> torch.optim.Optimizer:
    """The optimiser of a net's parameters.

    Velocities start as zeros, which is what an SGD's first step amounts to: its fused kernel cannot take a step in which some
    parameters have one and others, that were without gradient so far, do not.
    """
    if spec.name == "sgd":
        sgd = SGD(parameters, lr=spec.lr, momentum=0.9, weight_decay=spec.weight_decay, fused=True)
        for parameter in sgd.param_groups[0]["params"]:
            sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        return sgd
    return adam(spec.lr, spec.weight_decay)(parameters)
