"""Sparse logistic regressions as the head of a net: what deep feature reweighting solves for."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

_STEPS, _FLAT, _NEW, _EQUAL = 1000, 1e-8, 10, 1e-14


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

    Newton's method on the few weights that are not 0, each kept to its sign: one that would change it becomes 0, and those whose
    slope is steeper than the penalty's join in, until there are none. Convex, so that any solver comes to the same.

    Args:
        x: ``(N, D)``, float64.
        targets: -1 or 1, of each regression a column ``(N, K)``.
        strength: C.

    References:
        G. Andrew, J. Gao, "Scalable Training of L1-Regularized Log-Linear Models", ICML 2007, for the orthants.
    """
    ones = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
    found = torch.stack([_Regression(ones, target, strength).solve() for target in targets.T], dim=1)
    return Linear(found[:-1].T, found[-1])


class _Regression(NamedTuple):
    """One of them: ``x (N, D)`` with a column of ones, targets ``t (N,)``, and C."""

    x: Tensor
    t: Tensor
    strength: float

    def solve(self) -> Tensor:
        """The minimum ``(D,)``."""
        w = self.x.new_zeros(self.x.shape[1])
        for _ in range(_STEPS):
            slopes = -self.strength * (self.x.T @ (self.t * torch.sigmoid(-self.t * (self.x @ w))))
            signs = torch.where(w != 0, w.sign(), -slopes.sign())
            steep = torch.where(w != 0, (slopes + signs).abs(), slopes.abs() - 1)
            if steep.max() < _FLAT:
                break
            joins = torch.where(w == 0, steep, 0.0)
            least = joins.topk(min(_NEW + int((w != 0).sum()), len(w))).values[-1].clamp(min=_FLAT)
            kept = ((w != 0) | (joins >= least)).nonzero()[:, 0]
            before, w = w, self._lower(w, kept, signs[kept], slopes[kept] + signs[kept])
            if torch.equal(before, w):  # to the last digit
                break
        return w

    def _lower(self, w: Tensor, kept: Tensor, signs: Tensor, slopes: Tensor) -> Tensor:
        """Weights that are better: Newton's step for some of them, as far as no sign is lost by what is not 0 in the end.

        A weight that has just joined and is led the wrong way stays out: the step without it leads downhill all the same. The whole
        step sets every weight to 0 that it would lead past it; where that is no lower, a shorter one is taken, to where the first
        weight reaches 0 or a part of the way.
        """
        x = self.x[:, kept]
        shares = torch.sigmoid(-self.t * (self.x @ w))
        curved = self.strength * (x.T @ ((shares * (1 - shares))[:, None] * x))
        curved.diagonal().add_(1e-10 * curved.diagonal().mean() + torch.finfo(w.dtype).tiny)
        move = torch.linalg.solve(curved, -slopes)
        astray = (w[kept] == 0) & (move * signs <= 0)
        if bool(astray.any()):
            return w if bool(astray.all()) else self._lower(w, kept[~astray], signs[~astray], slopes[~astray])
        before, own = self._height(w), w[kept]
        reached = torch.where(own * (own + move) < 0, -own / move, torch.inf)
        far = min(1.0, float(reached.min()))
        for share in (1.0, *(far * 0.5**halved for halved in range(60))):
            then = own + share * move
            moved = w.index_copy(0, kept, torch.where((then * signs > 0) & (reached > share), then, 0.0))
            if self._height(moved) < before + (share == far < 1) * _EQUAL * abs(before):
                return moved
        return w

    def _height(self, w: Tensor) -> float:
        return float(w.abs().sum() + self.strength * F.softplus(-self.t * (self.x @ w)).sum())


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
