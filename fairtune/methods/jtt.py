"""Just train twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.methods._base import Loop, Method, Progress
from fairtune.methods._copied import copied
from fairtune.methods._stages import check_epochs, first_epochs
from fairtune.records import Batch, Outputs
from fairtune.space import Real, hyperparameter


def error_weights(wrong: Tensor, upweight: float) -> Tensor:
    """What samples count: ``upweight`` where they are ``wrong``, else 1; of any shape."""
    return torch.where(wrong, upweight, 1.0)


class _Weights(nn.Module):
    """What each training sample counts in the second stage."""

    of_samples: Tensor

    def __init__(self, samples: int) -> None:
        super().__init__()
        self.register_buffer("of_samples", torch.ones(samples))


@dataclass
class JustTrainTwice(Method):
    """Trains a first net briefly, then another in which its errors count for more (JTT); needs no groups.

    Stage 1, the first share ``stage`` of the epochs: a copy of the untrained net descends the cross-entropy; the net itself waits.
    Its errors on the training set, without augmentation, are then counted ``upweight`` times in stage 2, which trains the net.
    Source: E. Z. Liu et al., "Just Train Twice: Improving Group Robustness without Training Group Information", ICML 2021;
    upweights 20 to 100, there as further copies, so that an upweight of U copies is U + 1 here, first stages of 1 to 60 epochs. How
    long the first stage is matters most: a converged net makes no errors, and what remains is plain training.

    Where we differ (``protocol: official`` reproduces it): the authors' and SubpopBench's weights are 1 for the others, ours 1 on
    average over the training set. A first stage is part of the budget of epochs, at the net's first learning rate.
    """

    citation: ClassVar[str] = (
        "E. Z. Liu, B. Haghgoo, A. S. Chen, A. Raghunathan, P. W. Koh, S. Sagawa, P. Liang, C. Finn, Just Train Twice: Improving "
        "Group Robustness without Training Group Information, ICML 2021"
    )

    begins_anew: ClassVar[bool] = True
    steps_net: ClassVar[bool] = True
    per_sample: ClassVar[bool] = True

    upweight: float = hyperparameter(
        20.0, Real(low=1, log=True), search=Real(low=1, high=101, log=True), help="what an error of the first net counts"
    )
    stage: float = hyperparameter(
        0.3, Real(low=0, high=1), search=Real(low=0.05, high=0.8), help="share of the epochs that train the first net"
    )

    def setup(self) -> None:
        """Build the first net.

        Raises:
            InvalidInput: there are too few epochs for two stages.
        """
        net, cells = self.context.untrained or self.context.net, self.context.cells
        assert net is not None
        assert cells is not None
        check_epochs("jtt", self.context.epochs)
        self.first = self.own(copied(net).train(), self.like_net)
        self.weights = self.own(_Weights(int(cells.sum())), None)

    def trains_alone(self, progress: Progress) -> bool:
        """In stage 1."""
        return progress.epoch < first_epochs(self.stage, progress.epochs)

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The first net's cross-entropy, in stage 1."""
        if not self.trains_alone(progress):
            return {}
        first: Outputs = self.first(batch.x)
        return {"first": F.cross_entropy(first.logits, batch.y)}

    @torch.no_grad()
    def begin_epoch(self, loop: Loop, progress: Progress) -> None:
        """Between the stages, find what the first net gets wrong."""
        if progress.epoch != first_epochs(self.stage, progress.epochs):
            return
        self.first.eval()
        for batch in loop.everything():
            first: Outputs = self.first(batch.x)
            wrong = first.logits.argmax(1) != batch.y
            self.weights.of_samples[batch.index] = error_weights(wrong, self.upweight).to(self.context.dtype)
        if self.context.protocol == "fixed":
            self.weights.of_samples.div_(self.weights.of_samples.mean())

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor:
        """What the samples count, in stage 2."""
        return self.weights.of_samples[batch.index]
