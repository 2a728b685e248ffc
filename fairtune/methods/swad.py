"""Stochastic weight averaging, densely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.methods._base import Loop, Method, Progress
from fairtune.methods._valley import Valley, official_valley, valley
from fairtune.records import Batch
from fairtune.space import Integer, Real, hyperparameter

_NORMALISATIONS = (nn.modules.batchnorm._BatchNorm,)


class _Averages(nn.Module):
    """Weights averaged over segments, an epoch each; all of it goes into checkpoints.

    Args:
        size: number of weights.
        segments: how many of the last ones to keep.
        epochs: of the whole training.
    """

    current: Tensor
    steps: Tensor
    recent: Tensor
    losses: Tensor
    ended: Tensor
    total: Tensor
    taken: Tensor

    def __init__(self, size: int, segments: int, epochs: int) -> None:
        super().__init__()
        self.register_buffer("current", torch.zeros(size))
        self.register_buffer("steps", torch.tensor(0))
        self.register_buffer("recent", torch.zeros(segments, size))
        self.register_buffer("losses", torch.zeros(epochs))
        self.register_buffer("ended", torch.tensor(0))
        self.register_buffer("total", torch.zeros(size))
        self.register_buffer("taken", torch.tensor(0))

    def step(self, weights: Tensor) -> None:
        """Take the weights after a step into the segment's average."""
        self.steps += 1
        self.current += (weights - self.current) / self.steps

    def end_segment(self, loss: float) -> None:
        """Keep the segment's average beside the loss at its end, and begin another."""
        self.recent[int(self.ended) % len(self.recent)] = self.current
        self.losses[int(self.ended)] = loss
        self.ended += 1
        self.steps.zero_()
        self.current.zero_()

    def take(self, segments: tuple[int, ...]) -> None:
        """Average these segments, of which some may have been taken already."""
        for segment in segments[int(self.taken) :]:
            self.total += self.recent[segment % len(self.recent)]
            self.taken += 1

    @property
    def so_far(self) -> list[float]:
        """The losses at the ends of the segments."""
        return [float(loss) for loss in self.losses[: int(self.ended)]]

    def result(self, start: int | None) -> Tensor:
        """The average of what was taken, else the segment of convergence, else the last one."""
        if self.taken > 0:
            return self.total / self.taken
        return self.recent[(int(self.ended) - 1 if start is None else start) % len(self.recent)]


def refresh_statistics(loop: Loop) -> None:
    """Compute BatchNorm's running statistics anew, as the mean over the batches of an epoch."""
    layers = [module for module in loop.net.modules() if isinstance(module, _NORMALISATIONS)]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    loop.net.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
        layer.train()
    for number in range(loop.steps):
        loop.forward(loop.batch(number))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
        layer.eval()


@dataclass
class SWAD(Method):
    """Leaves the average of the weights along the flat valley of the validation loss (SWAD); needs no groups.

    Weights are averaged over the steps of each epoch, a segment, and over the segments from where the validation loss has
    converged, the lowest of ``converge`` in a row, to where it has been above (1 + ratio) times the mean there for ``tolerate``
    epochs, after which training ends. If it never converges, the last epoch's average. BatchNorm's statistics are computed anew.
    Source: J. Cha et al., NeurIPS 2021: 3, 6 and 0.3, on segments of 50 steps and more. Scores during training are of the net in
    training. Memory: as many nets more as ``converge`` and ``tolerate`` have segments.

    Where we differ (``protocol: official`` reproduces it): every segment of the valley is averaged once, where the authors' code
    takes some before it, and some two or three times.
    """

    citation: ClassVar[str] = (
        "J. Cha, S. Chun, K. Lee, H.-C. Cho, S. Park, Y. Lee, S. Park, SWAD: Domain Generalization by Seeking Flat Minima, "
        "NeurIPS 2021"
    )

    steps_net: ClassVar[bool] = True
    acts_last: ClassVar[bool] = True

    converge: int = hyperparameter(3, Integer(low=1, high=100), search=Integer(low=2, high=6), help="epochs that tell convergence")
    tolerate: int = hyperparameter(6, Integer(low=1, high=100), search=Integer(low=2, high=9), help="epochs above that end it")
    ratio: float = hyperparameter(0.3, Real(low=0, high=10), search=Real(low=0.01, high=0.3), help="how far above")

    def setup(self) -> None:
        """Make room for averages."""
        assert self.context.net is not None
        self.weights = list(self.context.net.parameters())
        size = sum(weight.numel() for weight in self.weights)
        epochs = max(1, self.context.epochs)
        self.averages = self.own(_Averages(size, max(self.converge, self.tolerate), epochs), None)

    @property
    def finished(self) -> bool:
        """Whether the valley is over."""
        return self._valley(ended=False).dead is not None

    @torch.no_grad()
    def inner_step(self, loop: Loop, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """Take the weights into the segment's average."""
        self.averages.step(torch.cat([weight.reshape(-1) for weight in self.weights]))
        return {}

    @torch.no_grad()
    def end_epoch(self, loop: Loop, means: Mapping[str, float], progress: Progress) -> dict[str, float]:
        """End the segment."""
        losses = [F.cross_entropy(out.logits, batch.y, reduction="none") for out, batch in loop.validated()]
        self.averages.end_segment(float(torch.cat(losses).mean()))
        self.averages.take(self._valley(ended=False).averaged)
        return {"averaged": float(self.averages.taken)}

    @torch.no_grad()
    def finish(self, loop: Loop) -> None:
        """Leave the average, and statistics that fit it."""
        found = self._valley(ended=True)
        self.averages.take(found.averaged)
        parts = self.averages.result(found.start).split([weight.numel() for weight in self.weights])
        for weight, part in zip(self.weights, parts, strict=True):
            weight.copy_(part.view_as(weight))
        refresh_statistics(loop)

    def _valley(self, *, ended: bool) -> Valley:
        rule = official_valley if self.context.protocol == "official" else valley
        return rule(self.averages.so_far, converge=self.converge, tolerate=self.tolerate, ratio=self.ratio, ended=ended)
