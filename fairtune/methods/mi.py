"""Mutual information backpropagation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from fairtune.methods._base import Loop, Method, Progress
from fairtune.methods._eager import SGD
from fairtune.methods._information import Statistics, mine_lower_bound
from fairtune.methods._optimizer import adam
from fairtune.records import Batch, Outputs
from fairtune.space import Integer, Options, Real, hyperparameter


def clipped(information: Iterable[Tensor | None], task: Iterable[Tensor | None]) -> list[Tensor | None]:
    """Each tensor's gradient of the information, cut to the norm of the same tensor's task gradient.

    g <- g / |g| * min(|task|, |g|), tensor by tensor; None where either is None, 0 where g is 0.

    References:
        R. Ragonesi, R. Volpi, J. Cavazza, V. Murino, "Learning Unbiased Representations via Mutual Information Backpropagation",
        2021.
    """
    return [
        None if g is None or t is None else g * (t.norm() / g.norm().clamp(min=torch.finfo(g.dtype).tiny)).clamp(max=1)
        for g, t in zip(information, task, strict=True)
    ]


@dataclass
class MutualInformation(Method):
    """Makes the embedding independent of the attribute, as far as a neural estimator of their mutual information can tell.

    A statistics network T, trained beside the net, gives the lower bound I(phi) = mean T(c, z) - ln mean exp T(c', z) of the
    information between the embedding z and the attribute c (``Batch.attribute``, or the group); the net lowers it. Source: R.
    Ragonesi et al., 2021, with the estimator of M. I. Belghazi et al., ICML 2018. Published weights: 1 (coloured digits), 0.5
    (IMDB, Adult, German); inner steps 80 and 40. As 80 inner steps cost 80 forward passes per step, the range searched ends at 40.

    ``updates: two_optimizer`` is the authors': after each step on the task, a step on I with an Adam of its own, at ``weight``
    times the net's current learning rate, each tensor's gradient cut to the norm of its task gradient. A rate that suits SGD does
    not suit an Adam, whose steps are as long as its rate whatever the gradient: where the net is trained with SGD, the second
    optimiser starts from ``weight`` times ``net_lr`` and falls as the net's rate does. ``penalty`` descends CE + weight *
    I. After either come ``inner_steps`` steps of T, each on a batch that is embedded anew, because the net has changed: at 80 they
    are most of the cost. ``reuse_features`` takes the current batch for all of them, a cheaper and different algorithm.
    ``estimator`` is Adam for their digits, plain gradient descent for their faces.
    ``accumulate`` joins several batches for each step of T, whose estimate wants large ones.

    Where we differ (``protocol: official`` reproduces it): the authors pair embeddings with a random permutation of the batch's
    attributes, where we take all pairs of embedding and group, which has the same mean and less noise; their inner steps take the
    first batches of the epoch every time, ours walk through the epoch; and they average the bounds of accumulated batches, where
    ours is the bound of all of them.
    """

    citation: ClassVar[str] = (
        "R. Ragonesi, R. Volpi, J. Cavazza, V. Murino, Learning Unbiased Representations via Mutual Information "
        "Backpropagation, 2021"
    )

    steps_net: ClassVar[bool] = True

    weight: float = hyperparameter(1.0, Real(low=0, high=100), search=Real(low=0, high=1), help="strength against the task")
    inner_steps: int = hyperparameter(
        20, Integer(low=1, high=1000), search=Options(values=(10, 20, 40)), help="steps of the estimator per step of the net"
    )
    lr: float = hyperparameter(
        1e-3, Real(low=1e-8, high=1, log=True), search=Real(low=1e-4, high=1e-2, log=True), help="learning rate of the estimator"
    )
    estimator: str = hyperparameter(
        "adam", Options(values=("adam", "sgd")), help="optimiser of the estimator; sgd is plain gradient descent"
    )
    net_lr: float = hyperparameter(
        1e-3, Real(low=1e-8, high=1, log=True), help="rate of the steps on the bound, times weight, where the net has SGD"
    )
    updates: str = hyperparameter(
        "two_optimizer", Options(values=("two_optimizer", "penalty")), help="how the net lowers the bound"
    )
    reuse_features: bool = hyperparameter(False, Options(values=(False, True)), help="inner steps on the current batch alone")
    accumulate: int = hyperparameter(1, Integer(low=1, high=1000), help="batches per step of the estimator")
    width: int = hyperparameter(64, Integer(low=1, high=4096), help="of the estimator's three hidden layers")

    def setup(self) -> None:
        """Build the estimator and, for ``two_optimizer``, the net's second optimiser."""
        context = self.context
        size = context.attribute_size or context.num_groups
        make = adam(self.lr) if self.estimator == "adam" else partial(SGD, lr=self.lr)
        self.statistics = self.own(Statistics(size, context.embedding_size, [self.width] * 3), make, inner=True)
        assert context.net is not None
        self.parameters = list(context.net.parameters())
        if self.updates == "two_optimizer":
            rate = context.optimizer.lr if context.optimizer.name == "adam" else self.net_lr
            self.keep(adam(self.weight * rate)(self.parameters), inner=True, scheduled=True)
        self._walked: int | Tensor = 0

    def attribute(self, batch: Batch) -> Tensor:
        """What the embedding must not tell ``(B, E)``."""
        if batch.attribute is not None:
            return batch.attribute
        return F.one_hot(batch.a, self.context.num_groups).to(self.context.dtype)

    def bound(self, z: Tensor, c: Tensor, *, frozen: bool) -> Tensor:
        """The estimate of a batch in nats.

        Args:
            z: embeddings ``(B, D)``.
            c: attributes ``(B, E)``.
            frozen: the estimator's parameters get no gradient.
        """

        def scores(c: Tensor, z: Tensor) -> Tensor:
            if frozen:
                fixed = {name: parameter.detach() for name, parameter in self.statistics.named_parameters()}
                scored: Tensor = functional_call(self.statistics, fixed, (c, z))
            else:
                scored = self.statistics(c, z)
            return scored

        if self.context.attribute_size or self.context.protocol == "official":
            other, beside, shares = c[torch.randperm(len(c), device=c.device)], z, c.new_zeros(())
        else:
            groups = torch.eye(c.shape[1], device=c.device, dtype=c.dtype)
            other, beside = groups.repeat_interleave(len(z), 0), z.repeat(len(groups), 1)
            shares = (c.mean(0) * len(groups)).log().repeat_interleave(len(z))
        found = scores(torch.cat([c, other]), torch.cat([z, beside]))
        return mine_lower_bound(found[: len(c)], found[len(c) :] + shares)

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The weighted bound under ``penalty``."""
        if self.updates != "penalty":
            return {}
        assert student.embedding is not None
        return {"information": self.weight * self.bound(student.embedding, self.attribute(batch), frozen=True)}

    def begin_epoch(self, loop: Loop, progress: Progress) -> None:
        """Let the estimator catch up: one walk through the batches of the epoch, ``accumulate`` for each step."""
        self._walked = loop.counter()
        for first in range(0, loop.steps, self.accumulate):
            numbers = range(first, min(first + self.accumulate, loop.steps))
            self._fit([self._embedded(loop, loop.batch(number)) for number in numbers])

    def inner_step(self, loop: Loop, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """Lower the bound if it has an optimiser of its own, then raise it again by training the estimator."""
        if self.updates == "two_optimizer":
            self._lower(loop, batch)
        reused = self._embedded(loop, batch) if self.reuse_features else None
        if self.context.protocol == "official":
            self._walked *= 0
        for _ in range(self.inner_steps):
            estimate = self._fit([reused] if reused else [self._embedded(loop, self._walk(loop)) for _ in range(self.accumulate)])
        return {"estimate": estimate}

    def _walk(self, loop: Loop) -> Batch:
        batch = loop.batch(self._walked)
        self._walked += 1
        return batch

    @torch.no_grad()
    def _embedded(self, loop: Loop, batch: Batch) -> tuple[Tensor, Tensor]:
        z = loop.forward(batch).embedding
        assert z is not None
        return z, self.attribute(batch)

    def _fit(self, batches: list[tuple[Tensor, Tensor]]) -> Tensor:
        """One step of the estimator; its bound before that step."""
        if self.context.protocol == "official":
            bound = torch.stack([self.bound(z, c, frozen=False) for z, c in batches]).mean()
        else:
            bound = self.bound(*(torch.cat(part) for part in zip(*batches, strict=True)), frozen=False)
        optimizer = self.inner_optimizers[0]
        optimizer.zero_grad()
        (-bound).backward()
        optimizer.step()
        return bound.detach()

    def _lower(self, loop: Loop, batch: Batch) -> None:
        z = loop.forward(batch).embedding
        assert z is not None
        bound = self.bound(z, self.attribute(batch), frozen=True)
        gradients = torch.autograd.grad(bound, self.parameters, allow_unused=True)
        for parameter, gradient in zip(self.parameters, clipped(gradients, [p.grad for p in self.parameters]), strict=True):
            parameter.grad = gradient
        self.inner_optimizers[1].step()
