"""A net's predictions on a split, as group counts."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.batches.split import SCORING_BATCH, DeviceSplit
from fairtune.errors import Diverged
from fairtune.metrics import Weighting, margin_table, scores
from fairtune.records import GroupCounts
from fairtune.spec import Precision
from fairtune.training.device import autocast


def count(logits: Tensor, y: Tensor, a: Tensor, num_groups: int) -> tuple[Tensor, Tensor]:
    """Group x true x predicted tables of a batch.

    Args:
        logits: ``(B, K)``.
        y: labels ``(B,)``.
        a: groups ``(B,)``.
        num_groups: A.

    Returns:
        Hard counts ``(A, K, K)`` int64 and summed probabilities ``(A, K, K)`` float64.
    """
    num_classes = logits.shape[1]
    cell = a * num_classes + y
    probabilities = logits.double().softmax(dim=1)
    predicted = F.one_hot(logits.argmax(dim=1), num_classes)
    shape = (num_groups, num_classes, num_classes)
    hard = torch.zeros(num_groups * num_classes, num_classes, dtype=torch.int64, device=logits.device)
    soft = torch.zeros(num_groups * num_classes, num_classes, dtype=torch.float64, device=logits.device)
    return hard.index_add(0, cell, predicted).view(shape), soft.index_add(0, cell, probabilities).view(shape)


class Evaluation(NamedTuple):
    """A net's predictions on a whole split.

    Attributes:
        counts: the group counts.
        loss: the mean cross-entropy over the samples.
        auc: area under the ROC curve of the second class's probability, in [0, 1]; None for more than two classes, or where
            the split holds one.
        predicted: the class predicted for each sample ``(n,)``.
    """

    counts: GroupCounts
    loss: float
    auc: float | None
    predicted: Tensor

    def scores(self, weighting: Weighting) -> dict[str, float]:
        """All scores by name: :func:`fairtune.metrics.scores` of the counts, ``loss`` and, where there is one, ``auc``."""
        area = {} if self.auc is None else {"auc": self.auc}
        return scores(self.counts, weighting=weighting) | {"loss": self.loss} | area


class Tallied(NamedTuple):
    """A net's predictions on a whole split, on its device, before anybody has waited for them.

    Attributes:
        hard, soft: tables as :func:`count` gives them, of all samples.
        loss: the summed cross-entropy, float64.
        broken: samples whose logits are not finite.
        predicted: the class predicted for each ``(n,)``.
        margins: logit of the second class less the first's, of each ``(n,)``, float64.
    """

    hard: Tensor
    soft: Tensor
    loss: Tensor
    broken: Tensor
    predicted: Tensor
    margins: Tensor


@torch.no_grad()
def tally(net: nn.Module, split: DeviceSplit, *, precision: Precision | None = None) -> Tallied:
    """Have a net predict a whole split, arguments as for :func:`evaluate`; a GPU is given its work and not waited for."""
    net.eval()
    margins: list[Tensor] = []
    predicted: list[Tensor] = []
    tables: list[tuple[Tensor, Tensor]] = []
    loss = torch.zeros((), dtype=torch.float64, device=split.device)
    broken = torch.zeros((), dtype=torch.int64, device=split.device)
    for index in torch.split(torch.arange(len(split), device=split.home), SCORING_BATCH):
        batch = split.batch(index)
        with autocast(split.device, precision or "fp32"):
            logits = net(batch.x).logits
        logits = logits.to(split.dtype)
        broken += (~logits.isfinite()).any(dim=1).sum()
        loss += F.cross_entropy(logits, batch.y, reduction="sum")
        predicted.append(logits.argmax(dim=1))
        margins.append(logits[:, 1].double() - logits[:, 0].double())
        tables.append(count(logits, batch.y, batch.a, split.num_groups))
    hard, soft = (functools.reduce(torch.add, table) for table in zip(*tables, strict=True))
    return Tallied(hard, soft, loss, broken, torch.cat(predicted), torch.cat(margins))


def evaluate(net: nn.Module, split: DeviceSplit, *, precision: Precision | None = None) -> Evaluation:
    """Score a net on a whole split.

    Args:
        net: the net; left in evaluation mode.
        split: the split.
        precision: of the forward pass; None is that of the weights. In bfloat16 some predictions tip over, so that it is for what
            only tells how a training goes.

    Raises:
        Diverged: its logits or their cross-entropy are not finite.
    """
    hard, soft, loss, broken, predicted, margins = tally(net, split, precision=precision)
    if broken or not loss.isfinite():
        raise Diverged(f"the logits of {int(broken)} of {len(split)} samples are not finite, their cross-entropy became {loss:.3g}")
    counts = GroupCounts(hard.cpu().numpy().astype(np.int64), soft.cpu().numpy())
    if counts.hard.shape[1] != 2 or not (counts.hard.sum((0, 2)) > 0).all():
        return Evaluation(counts, float(loss) / len(split), None, predicted)
    from sklearn.metrics import roc_auc_score  # here, so that a worker that takes a trial over is there soon

    margin, y, a = (part.cpu().numpy() for part in (margins, split.y, split.a))
    counts = replace(counts, margins=margin_table(margin, y, a, split.num_groups))
    return Evaluation(counts, float(loss) / len(split), float(roc_auc_score(y, margin)), predicted)
