"""Gates on the weights of a frozen net, and the schedules that close them (Nahon et al., "Debiasing Surgeon", ECCV 2024)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from fairtune.methods._parametrized import parametrizations_of


def gate(g: Tensor, temperature: Tensor | float) -> Tensor:
    """How far a gate is open: min(1, 2 sigmoid(g / temperature)), in [0, 1].

    At g = 0 it is fully open, so that training starts from the net as it is. The gradient is that of 2 sigmoid everywhere, also
    where the minimum holds, so that a gate that opened too far can close again.
    """
    soft = 2 * torch.sigmoid(g / temperature)
    return soft.clamp(max=1).detach() + (soft - soft.detach())


def settled(g: Tensor) -> Tensor:
    """Gates made final: at or above 0 open for good, below 0 closed."""
    return torch.where(g >= 0, math.inf, -math.inf)


class Gate(nn.Module):
    """A parametrisation that multiplies a tensor by gates: one per element, or one per leading index.

    Args:
        g: the gates' values, of the tensor's shape or ``(out,)``.
        temperature: a scalar tensor that all gates share.
    """

    temperature: Tensor

    def __init__(self, g: nn.Parameter, temperature: Tensor) -> None:
        super().__init__()
        self.g = g
        self.register_buffer("temperature", temperature, persistent=False)

    def forward(self, tensor: Tensor) -> Tensor:
        """The gated tensor."""
        open_ = gate(self.g, self.temperature)
        return tensor * (open_ if open_.shape == tensor.shape else open_.view(-1, *[1] * (tensor.dim() - 1)))


def layers(net: nn.Module) -> Iterator[nn.Conv2d | nn.Linear]:
    """The convolutions and linear layers of a net, whose weights are pruned; normalisation is left alone."""
    return (module for module in net.modules() if isinstance(module, nn.Conv2d | nn.Linear))


def gate_weights(net: nn.Module, temperature: Tensor) -> list[nn.Parameter]:
    """Put a gate, at 0, on every weight of every convolution and linear layer, the head's too; biases stay as they are."""
    gates = []
    for layer in layers(net):
        gates.append(nn.Parameter(torch.zeros_like(layer.weight)))
        parametrize.register_parametrization(layer, "weight", Gate(gates[-1], temperature))
    return gates


def gate_channels(net: nn.Module, head: nn.Module, temperature: Tensor) -> list[nn.Parameter]:
    """Put a gate, at 0, on every output of every convolution and linear layer but the head, whose outputs are the classes.

    A gate multiplies the output of its channel before any normalisation: its weights and its bias alike.
    """
    gates = []
    for layer in layers(net):
        if layer is head:
            continue
        gates.append(nn.Parameter(torch.zeros_like(layer.weight.flatten(1)[:, 0])))
        for name in ("weight", "bias") if layer.bias is not None else ("weight",):
            parametrize.register_parametrization(layer, name, Gate(gates[-1], temperature))
    return gates


@torch.no_grad()
def prune(net: nn.Module) -> None:
    """Make gates final: what a gate at or above 0 lets through stays as it was, everything else becomes 0."""
    for layer in layers(net):
        for name, parametrizations in parametrizations_of(layer).items():
            first = parametrizations[0]
            assert isinstance(first, Gate)
            first.g.copy_(settled(first.g))
            parametrize.remove_parametrizations(layer, name, leave_parametrized=True)


@torch.no_grad()
def sparsity(net: nn.Module) -> float:
    """Share of the weights of convolutions and linear layers that are 0, or that a gate below 0 will make 0."""
    zeros, total = 0, 0
    for layer in layers(net):
        weight = layer.weight
        if (parametrizations := parametrizations_of(layer).get("weight")) is not None:
            first = parametrizations[0]
            assert isinstance(first, Gate)
            closed = first.g < 0
            zeros += int(closed.sum()) * (weight.numel() // closed.numel())
        else:
            zeros += int((weight == 0).sum())
        total += weight.numel()
    return zeros / total


class Plateau:
    """Tells when a falling quantity has stopped to fall.

    Args:
        patience: how many values in a row may bring no improvement.
        threshold: relative decrease that counts as one.
    """

    def __init__(self, patience: int, threshold: float) -> None:
        self.patience = patience
        self.threshold = threshold
        self.best = math.inf
        self.waited = 0

    def reached(self, value: float) -> bool:
        """Take the next value; whether more than ``patience`` in a row brought no improvement.

        A best value below 0, which only an estimate of something non-negative has, cannot be improved on.
        """
        if self.best >= 0 and value < self.best * (1 - self.threshold):
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        return self.waited > self.patience
