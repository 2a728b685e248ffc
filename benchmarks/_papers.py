"""The training step as the papers' code takes it, written from the published formulas: what fairtune's is measured against.

S. Jung, D. Lee, T. Park, T. Moon, "Fair Feature Distillation for Visual Recognition", CVPR 2021: float32, images channel by
channel in memory, ReLU before max-pooling, torch's dropout and its default Adam, the teacher run on every batch with its
graph built although nothing is learnt there, and the MMD term as a loop over (label, group) cells with boolean masks.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import Compose, RandomHorizontalFlip, ToPILImage, ToTensor

from fairtune.models.cnn import CNN
from fairtune.records import Bytes, Outputs

_TINY = 1e-12


class PapersCNN(CNN):
    """The same parameters as :class:`fairtune.models.cnn.CNN`, in the papers' order of operations."""

    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        """As the parent, the map always returned."""
        maps = x
        for pair in self.pairs:
            first, second = pair.children()
            maps = F.relu(second(F.relu(first(x))))
            x = F.dropout(F.max_pool2d(maps, 2), self.dropout.p, self.training)
        features = F.relu(self.hidden(x.flatten(1)))
        return Outputs(self.head(features), features, maps, features)


class PapersStep:
    """One update.

    Args:
        net: the student, contiguous.
        teacher: the baseline; None for plain training.
        weight: of the MMD term.
    """

    def __init__(self, net: CNN, teacher: CNN | None = None, weight: float = 3.0) -> None:
        self.net = net.train()
        self.teacher = None if teacher is None else teacher.eval()
        self.weight = weight
        self.optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

    def __call__(self, x: Tensor, y: Tensor, a: Tensor) -> Tensor:
        """Train on one assembled batch; returns the loss."""
        student = self.net(x)
        loss = F.cross_entropy(student.logits, y)
        if self.teacher is not None:
            teacher = self.teacher(x)
            loss = loss + self.weight / 2 * mmd(student.features, teacher.features.detach(), y, a)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()


def mmd(student: Tensor, teacher: Tensor, y: Tensor, a: Tensor) -> Tensor:
    """Sum over the present (label, group) cells of the squared MMD between the teacher's class and the student's cell."""
    bandwidth = _distances(teacher, student).mean().detach()
    total = student.new_zeros(())
    for label in y.unique():
        of_class = teacher[y == label]
        for group in a.unique():
            of_cell = student[(y == label) & (a == group)]
            if len(of_cell):
                total = total + _kernel(of_class, of_class, bandwidth).mean() + _kernel(of_cell, of_cell, bandwidth).mean()
                total = total - 2 * _kernel(of_class, of_cell, bandwidth).mean()
    return total


def _distances(u: Tensor, v: Tensor) -> Tensor:
    return (u.square().sum(1)[:, None] + v.square().sum(1)[None, :] - 2 * u @ v.T).clamp(min=_TINY)


def _kernel(u: Tensor, v: Tensor, bandwidth: Tensor) -> Tensor:
    return torch.exp(-_distances(u, v) / (2 * bandwidth))


_transform = Compose([ToPILImage(), RandomHorizontalFlip(), ToTensor()])


def papers_batch(images: Bytes) -> Tensor:
    """A batch assembled image by image through PIL; ``images`` is ``(B, H, W, 3)`` uint8."""
    return torch.stack([_transform(image) for image in images])
