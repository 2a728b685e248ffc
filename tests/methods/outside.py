"""A method as a user writes it outside fairtune."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from fairtune.methods import Method
from fairtune.space import Real, hyperparameter


class _Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


@dataclass
class Adversary(Method):
    """Predicts the group from the logits, which learn to hide it."""

    weight: float = hyperparameter(1.0, Real(low=0, high=10), search=Real(low=0.1, high=10), help="of the adversary")
    lr: float = hyperparameter(1e-2, Real(low=0, high=1), help="learning rate of the adversary")

    def setup(self):
        hidden = nn.Linear(self.context.num_classes, 8)
        self.net = self.own(nn.Sequential(hidden, nn.ReLU(), nn.Linear(8, self.context.num_groups)), self.lr)

    def loss(self, student, teacher, batch, progress):
        guess = self.net(_Reversed.apply(student.logits))
        return {"adversary": self.weight * F.cross_entropy(guess, batch.a)}


@dataclass
class OwnTaskLoss(Method):
    """Squares the cross-entropy."""

    def task_loss(self, student, batch):
        return F.cross_entropy(student.logits, batch.y, reduction="none").square()


@dataclass
class OneEpoch(Method):
    """Weighs the logits' size for an epoch, after which it wants no more."""

    @property
    def finished(self):
        return True

    def loss(self, student, teacher, batch, progress):
        return {"size": student.logits.square().mean()}


@dataclass
class SecondStage(Method):
    """Trains alone first, as FitNet does."""

    def trains_alone(self, progress):
        return progress.epoch < 2

    def loss(self, student, teacher, batch, progress):
        return {"size": student.logits.square().mean()}


class Room:
    """Holds a class, as a file may."""

    @dataclass
    class Inside(Method):
        """Has a value that is not its class's first name."""

        weight: float = hyperparameter(0.1, Real(low=0, high=10), search=Real(low=0.1, high=1), help="of nothing")


NOT_A_CLASS = 3
