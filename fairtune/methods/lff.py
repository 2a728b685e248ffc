"""Learning from failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.methods._base import Method
from fairtune.methods._copied import copied
from fairtune.records import Batch, Outputs
from fairtune.space import Real, hyperparameter

_TINY = 1e-8


def amplified_losses(logits: Tensor, y: Tensor, q: float) -> Tensor:
    """q p_y^q CE of each sample ``(B,)``, p_y^q a constant for the gradient, which is q times that of (1 - p_y^q) / q.

    Args:
        logits: ``(B, K)``.
        y: labels ``(B,)``.
        q: how much easy samples count beyond hard ones, above 0.

    References:
        Z. Zhang, M. R. Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels", NeurIPS 2018.
    """
    losses = F.cross_entropy(logits, y, reduction="none")
    return q * (-q * losses.detach()).exp() * losses


class _LossMemory(nn.Module):
    """A moving average of the losses of each training sample.

    Args:
        samples: how many there are.
        decay: share of the average that stays when a sample is seen again.
    """

    average: Tensor
    seen: Tensor

    def __init__(self, samples: int, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("average", torch.zeros(samples))
        self.register_buffer("seen", torch.zeros(samples))

    def update(self, losses: Tensor, index: Tensor) -> None:
        """Take in losses ``(B,)`` of the samples at ``index`` ``(B,)``; the first time a sample's average is its loss."""
        kept = self.decay * self.seen[index]
        self.average[index] = kept * self.average[index] + (1 - kept) * losses
        self.seen.index_fill_(0, index, 1)

    def relative(self, index: Tensor, labels: Tensor, num_classes: int, *, least: float) -> Tensor:
        """Averages of the samples at ``index`` as shares of the largest of their class ``(B,)``.

        Args:
            index: ``(B,)``.
            labels: of all training samples, K for those that have not been seen.
            num_classes: K.
            least: the largest counts as at least this.
        """
        none = self.average.new_zeros(num_classes + 1)
        largest = none.scatter_reduce(0, labels, self.average, "amax")
        return self.average[index] / largest.clamp(min=least)[labels[index]]


class _Labels(nn.Module):
    """The labels of the training samples that have been seen, K for others."""

    known: Tensor

    def __init__(self, samples: int, num_classes: int) -> None:
        super().__init__()
        self.register_buffer("known", torch.full((samples,), num_classes))


@dataclass
class LearningFromFailure(Method):
    """Weighs samples by how much harder they are for a net that is trained to be biased (LfF); needs no groups.

    Beside the net a second one, which starts from the same weights with another head, descends q p_y^q CE, which dwells on what is
    easy. L = mean w_i CE_i + its mean loss, w = l_b / (l_b + l_d): moving averages of a sample's losses under both nets, each as a
    share of its class's largest. Source: J. Nam, H. Cha, S. Ahn, J. Lee, J. Shin, "Learning from Failure: Training Debiased
    Classifier from Biased Classifier", NeurIPS 2020; q = decay = 0.7, searched by SubpopBench in [0.05, 0.95]. Weights are about
    1/2, which halves the steps of SGD.

    Where we differ: a class that the biased net fits perfectly has weights of 0; under ``official`` they are NaN. Samples' weights
    of other methods weigh the biased net's loss too. The second net runs in the precision of the weights.
    """

    citation: ClassVar[str] = (
        "J. Nam, H. Cha, S. Ahn, J. Lee, J. Shin, Learning from Failure: Training Debiased Classifier from Biased Classifier, "
        "NeurIPS 2020"
    )

    steps_net: ClassVar[bool] = True

    q: float = hyperparameter(0.7, Real(low=1e-3, high=1), search=Real(low=0.05, high=0.95), help="how biased the second net is")
    decay: float = hyperparameter(0.7, Real(low=0, high=0.999), help="of the moving averages of losses")

    def setup(self) -> None:
        """Build the biased net and the memories."""
        net, cells = self.context.net, self.context.cells
        assert net is not None
        assert cells is not None
        biased = copied(net).train()
        assert isinstance(biased.head, nn.Linear)
        biased.head.reset_parameters()
        self.biased = self.own(biased, self.like_net, scheduled=True)
        samples = int(cells.sum())
        self.labels = self.own(_Labels(samples, self.context.num_classes), None)
        self.of_biased, self.of_net = (self.own(_LossMemory(samples, self.decay), None) for _ in range(2))

    def task_loss(self, student: Outputs, batch: Batch) -> Tensor:
        """The weighted cross-entropies and the biased net's losses ``(B,)``."""
        biased: Outputs = self.biased(batch.x)
        losses = F.cross_entropy(student.logits, batch.y, reduction="none")
        weights = self.weights_of(biased.logits.detach(), losses.detach(), batch)
        return weights * losses + amplified_losses(biased.logits, batch.y, self.q)

    def weights_of(self, biased: Tensor, losses: Tensor, batch: Batch) -> Tensor:
        """How the samples count ``(B,)``, in [0, 1]; remembers their losses.

        Args:
            biased: logits of the biased net ``(B, K)``.
            losses: cross-entropies of the net ``(B,)``.
            batch: the batch.
        """
        least = 0.0 if self.context.protocol == "official" else _TINY
        self.labels.known[batch.index] = batch.y
        self.of_biased.update(F.cross_entropy(biased, batch.y, reduction="none"), batch.index)
        self.of_net.update(losses, batch.index)
        memories, known = (self.of_biased, self.of_net), self.labels.known
        b, d = (memory.relative(batch.index, known, self.context.num_classes, least=least) for memory in memories)
        return b / (b + d + _TINY)
