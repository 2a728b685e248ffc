"""Fair supervised contrastive learning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.errors import InvalidInput
from fairtune.methods._base import Loop, Method, Progress
from fairtune.methods._stages import check_epochs, first_epochs
from fairtune.records import Batch, Outputs
from fairtune.space import Options, Real, hyperparameter

_BASE = 0.07
_LENGTH = 128


def fscl_loss(
    u: Tensor, y: Tensor, a: Tensor, *, temperature: float = 0.1, group_norm: bool = False, strict: bool = False
) -> Tensor:
    """Contrasts samples of a class with those of other classes in the anchor's own group alone.

    -(temperature / 0.07) times the mean over anchors i of the mean over the others j of its class of s_ij - log sum_{k: a_k = a_i,
    y_k != y_i} exp s_ik, s = u_i . u_j / temperature; an anchor without such k has s_ii, the largest, in the place of the
    logarithm.

    Args:
        u: projections of unit length ``(M, D)``, all views of all samples.
        y: labels ``(M,)``.
        a: groups ``(M,)``.
        temperature: above 0.
        group_norm: every (label, group) cell counts alike, among anchors and among the others of a class (FSCL+).
        strict: as the authors' code: NaN where an anchor has no other of its class, which otherwise is no anchor; with
            ``group_norm`` weights 1 / n_j, the others in j's cell, a sum divided by n_i + 1 and a constant M / 8 in place of the
            means.

    References:
        S. Park, J. Lee, P. Lee, S. Hwang, D. Kim, H. Byun, "Fair Contrastive Learning for Facial Attribute Classification", CVPR
        2022.
    """
    similar = u @ u.T / temperature
    similar = similar - similar.max(1, keepdim=True).values.detach()
    same, together = y[:, None] == y[None, :], a[:, None] == a[None, :]
    others = ~torch.eye(len(u), dtype=torch.bool, device=u.device)
    positive, negative = same & others, ~same & together
    log_sum = similar.masked_fill(~negative & negative.any(1, keepdim=True), -torch.inf).logsumexp(1)
    ratios = similar - torch.where(negative.any(1), log_sum, 0.0)[:, None]
    cell = (same & together).to(u.dtype)
    weights = _official_weights(positive, cell, group_norm) if strict else _weights(positive, cell, group_norm)
    return -temperature / _BASE * (weights * ratios).sum()


def _weights(positive: Tensor, cell: Tensor, group_norm: bool) -> Tensor:
    """How much each pair of anchor and other counts ``(M, M)``: means over others, then over anchors that have any."""
    kept, has = positive.to(cell.dtype), positive.any(1).to(cell.dtype)
    if not group_norm:
        return kept / kept.sum(1, keepdim=True).clamp(min=1) / has.sum().clamp(min=1)
    in_cell = kept @ cell
    share = kept / torch.where(kept > 0, in_cell, 1.0)
    share = share / share.sum(1, keepdim=True).clamp(min=torch.finfo(cell.dtype).tiny)
    anchors = has / (cell @ has).clamp(min=1)
    return share * (anchors / anchors.sum().clamp(min=torch.finfo(cell.dtype).tiny))[:, None]


def _official_weights(positive: Tensor, cell: Tensor, group_norm: bool) -> Tensor:
    """The same in the authors' code."""
    kept = positive.to(cell.dtype)
    if not group_norm:
        return kept / kept.sum(1, keepdim=True) / len(cell)
    others = cell.sum(1) - 1
    return kept / others[None, :] / (others[:, None] + 1) / 8


@dataclass
class FairContrast(Method):
    """Learns an embedding by contrasting classes within groups, then a head on it (FSCL, FSCL+).

    Stage 1, the first share ``stage`` of the epochs: two views of each image, projected by two layers to unit vectors, descend the
    fair contrastive loss alone; the head learns nothing and the learning rate is not scheduled. Stage 2: the head descends the
    cross-entropy on the frozen net, BatchNorm's statistics too. Source: S. Park et al., CVPR 2022, 100 epochs each; ``group_norm``
    is FSCL+. Views are draws of the dataset's own transforms; without any both are the image itself.

    Where we differ: ``fixed`` leaves out anchors without another of their class, and with ``group_norm`` takes means over cells,
    where the authors' code is NaN and divides by constants made for two classes and groups (``official``).
    """

    citation: ClassVar[str] = (
        "S. Park, J. Lee, P. Lee, S. Hwang, D. Kim, H. Byun, Fair Contrastive Learning for Facial Attribute Classification, "
        "CVPR 2022"
    )

    alone: ClassVar[str] = "it trains the head only in its second stage"
    two_views: ClassVar[bool] = True

    temperature: float = hyperparameter(
        0.1, Real(low=1e-3, high=10, log=True), search=Real(low=0.05, high=0.5, log=True), help="of the similarities"
    )
    group_norm: bool = hyperparameter(
        True, Options(values=(False, True)), search=Options(values=(False, True)), help="every cell counts alike (FSCL+)"
    )
    stage: float = hyperparameter(
        0.5, Real(low=0, high=1), search=Real(low=0.3, high=0.8), help="share of the epochs that train the embedding"
    )

    def setup(self) -> None:
        """Build the projection.

        Raises:
            InvalidInput: there is no image to view twice, or there are too few epochs for two stages.
        """
        if len(self.context.shape) == 1:
            raise InvalidInput("fscl contrasts two views of an image, and these data are vectors: use a dataset of images")
        check_epochs("fscl", self.context.epochs)
        size = self.context.embedding_size
        self.projection = self.own(nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, _LENGTH)), self.like_net)

    def trains_alone(self, progress: Progress) -> bool:
        """In stage 1."""
        return progress.epoch < first_epochs(self.stage, progress.epochs)

    def begin_epoch(self, loop: Loop, progress: Progress) -> None:
        """In stage 2, freeze all but the head."""
        if self.trains_alone(progress):
            return
        loop.net.requires_grad_(False).eval()
        head = loop.net.head
        assert isinstance(head, nn.Linear)
        head.requires_grad_(True)

    def prepare(self, batch: Batch, progress: Progress) -> Batch:
        """In stage 1, both views of each image, one after the other."""
        if batch.view is None or not self.trains_alone(progress):
            return batch
        y, a, index = (torch.cat([part, part]) for part in (batch.y, batch.a, batch.index))
        return replace(batch, x=torch.cat([batch.x, batch.view]), y=y, a=a, index=index, attribute=None, view=None)

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The contrast, in stage 1."""
        if not self.trains_alone(progress):
            return {}
        assert student.embedding is not None
        u = F.normalize(self.projection(student.embedding))
        strict = self.context.protocol == "official"
        return {"fscl": fscl_loss(u, batch.y, batch.a, temperature=self.temperature, group_norm=self.group_norm, strict=strict)}

    def finish(self, loop: Loop) -> None:
        """Leave a net that can be trained."""
        loop.net.requires_grad_(True)
