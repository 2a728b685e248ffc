"""What the methods share that hide the group from adversaries."""

from __future__ import annotations

import math
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Adversaries(nn.Module):
    """One two-layer perceptron per class with ReLU that tells the group of that class's samples.

    Args:
        num_classes: K.
        size: length of what they see.
        hidden: width of the hidden layer.
        num_groups: A.
    """

    def __init__(self, num_classes: int, size: int, hidden: int, num_groups: int) -> None:
        super().__init__()
        self.w0, self.b0 = _linears(num_classes, size, hidden)
        self.w1, self.b1 = _linears(num_classes, hidden, num_groups)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores of the groups ``(B, A)`` from ``(B, size)``, each sample's from the adversary of its class ``(B,)``."""
        hidden = F.relu(torch.einsum("bi,khi->bkh", x, self.w0) + self.b0)
        scores = torch.einsum("bkh,kgh->bkg", hidden, self.w1) + self.b1
        return (scores * F.one_hot(y, len(self.w0)).to(scores.dtype)[:, :, None]).sum(1)


class GroupTeller(nn.Module):
    """A two-layer perceptron with leaky ReLU of slope 0.2 that tells the group.

    Args:
        size: length of what it sees.
        hidden: width of the hidden layer.
        num_groups: A.
    """

    def __init__(self, size: int, hidden: int, num_groups: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(size, hidden)
        self.out = nn.Linear(hidden, num_groups)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the groups ``(B, A)`` from ``(B, size)``."""
        scores: Tensor = self.out(F.leaky_relu(self.hidden(x), 0.2))
        return scores


def _linears(count: int, fan_in: int, fan_out: int) -> tuple[nn.Parameter, nn.Parameter]:
    """Weights ``(count, out, in)`` and biases ``(count, out)`` of linear layers, initialised as torch initialises one."""
    bound = 1 / math.sqrt(fan_in)
    weight, bias = torch.empty(count, fan_out, fan_in), torch.empty(count, fan_out)
    return nn.Parameter(weight.uniform_(-bound, bound)), nn.Parameter(bias.uniform_(-bound, bound))


def reversed_gradient(x: Tensor, strength: float, limit: float = math.inf) -> Tensor:
    """``x`` itself, whose gradient comes back multiplied by -``strength`` and, beyond ``limit``, cut to that L2 norm."""
    reversed_: Tensor = _Reversal.apply(x, strength, limit)
    return reversed_


class _Kept(Protocol):
    strength: float
    limit: float


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Kept, x: Tensor, strength: float, limit: float) -> Tensor:
        ctx.strength, ctx.limit = strength, limit
        return x.view_as(x)

    @staticmethod
    def backward(ctx: _Kept, grad: Tensor) -> tuple[Tensor, None, None]:
        grad = -ctx.strength * grad
        if math.isfinite(ctx.limit):
            grad = grad * (ctx.limit / torch.linalg.vector_norm(grad).clamp(min=ctx.limit))
        return grad, None, None
