"""Sparse logistic regressions as the head of a net: what deep feature reweighting solves for."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

_STEPS, _CLOSE = 20_000, 1e-9


class Linear(NamedTuple):
    """A linear classifier.

    Attributes:
        weight: ``(K, D)``.
        bias: ``(K,)``.
    """

    weight: Tensor
    bias: Tensor


def sparse_logistic(x: Tensor, targets: Tensor, strength: float) -> Linear:
    """Logistic regressions with an L1 penalty, which the bias has too: min |w|_1 + |b| + C sum log(1 + exp(-t (w . x + b))).

    Proximal gradient steps with Nesterov's momentum, which starts anew where it points uphill, until no weight moves by more
    than 1e-9; convex, so that any solver comes to the same.

    Args:
        x: ``(N, D)``, float64.
        targets: -1 or 1, of each regression a column ``(N, K)``.
        strength: C.

    References:
        A. Beck, M. Teboulle, "A Fast Iterative Shrinkage-Thresholding Algorithm for Linear Inverse Problems", 2009; B. O'Donoghue,
        E. Candès, "Adaptive Restart for Accelerated Gradient Schemes", 2015.
    """
    ones = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
    step = 4 / (strength * torch.linalg.matrix_norm(ones, 2).square())
    w = torch.zeros(ones.shape[1], targets.shape[1], dtype=x.dtype, device=x.device)
    ahead, momentum = w, 1.0
    for _ in range(_STEPS):
        slopes = -strength * targets * torch.sigmoid(-targets * (ones @ ahead))
        moved = F.softshrink(ahead - step * (ones.T @ slopes), float(step))
        change = moved - w
        uphill = ((ahead - moved) * change).sum() > 0
        later = 1.0 if uphill else (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = moved if uphill else moved + (momentum - 1) / later * change
        w, momentum = moved, later
        if change.abs().max() < _CLOSE:
            break
    return Linear(w[:-1].T, w[-1])


def balanced_rows(cell: Tensor, num_cells: int) -> Tensor:
    """Positions of as many samples of every cell that has any, drawn from torch's default generator; ``cell`` is ``(N,)``."""
    positions = [torch.nonzero(cell == c).squeeze(1) for c in range(num_cells)]
    present = [rows for rows in positions if len(rows)]
    least = min(len(rows) for rows in present)
    return torch.cat([rows[torch.randperm(len(rows))[:least].to(rows.device)] for rows in present])


def targets_of(y: Tensor, num_classes: int) -> Tensor:
    """-1 and 1 for each regression ``(N, K)``; of two classes one regression tells the second ``(N, 1)``."""
    own = 2 * F.one_hot(y, num_classes).double() - 1
    return own[:, 1:] if num_classes == 2 else own


def head_of(solution: Linear, mean: Tensor, scale: Tensor) -> Linear:
    """The head of embeddings as they are, from regressions on standardised ones; logits of two classes are -f/2 and f/2."""
    weight, bias = solution
    if len(weight) == 1:
        weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
    weight = weight / scale
    return Linear(weight, bias - weight @ mean)
