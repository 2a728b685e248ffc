"""Deep feature reweighting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from fairtune.errors import Diverged
from fairtune.methods._base import Loop, Progress
from fairtune.methods._once import ChangesOnce
from fairtune.methods._sparse import Linear, balanced_rows, head_of, sparse_logistic, targets_of
from fairtune.space import Integer, Real, hyperparameter


@dataclass
class DeepFeatureReweighting(ChangesOnce):
    """Solves for a new head on the frozen baseline's embeddings, on sets with as many samples of every cell (DFR).

    The mean of ``retrains`` logistic regressions with an L1 penalty, min |w|_1 + |b| + C sum log(1 + exp(-t f)), each on the
    standardised embeddings of a set balanced by leaving samples out; of more than two classes one against the rest. Source:
    P. Kirichenko, P. Izmailov, A. G. Wilson, "Last Layer Re-Training is Sufficient for Robustness to Spurious Correlations", ICLR
    2023; C from 0.01 to 1, which their code chooses on half of its set and our search by validation. It takes one epoch.

    Where we differ: theirs learns from the validation set, by which our settings are judged; ours learns from the training set,
    their ``dfr_train``, without augmentation. A cell without samples is left out, where their code fails or takes no notice.
    """

    citation: ClassVar[str] = (
        "P. Kirichenko, P. Izmailov, A. G. Wilson, Last Layer Re-Training is Sufficient for Robustness to Spurious Correlations, "
        "ICLR 2023"
    )

    alone: ClassVar[str] = "it solves for the head once all else is trained"

    strength: float = hyperparameter(
        0.1, Real(low=1e-6, high=1e6, log=True), search=Real(low=1e-3, high=1, log=True), help="C, the weight of the data"
    )
    retrains: int = hyperparameter(20, Integer(low=1, high=1000), help="sets whose solutions are averaged")

    def setup(self) -> None:
        """Freeze the net."""
        assert self.context.net is not None
        self.context.net.requires_grad_(False)

    @torch.no_grad()
    def end_epoch(self, loop: Loop, means: Mapping[str, float], progress: Progress) -> dict[str, float]:
        """Solve."""
        z, y, a = self._seen(loop)
        num_classes = self.context.num_classes
        mean, scale = z.mean(0), z.std(0, correction=0)
        scale = torch.where(scale > 0, scale, 1.0)
        x = (z - mean) / scale
        solutions = []
        for _ in range(self.retrains):
            rows = balanced_rows(a * num_classes + y, self.context.num_groups * num_classes)
            solutions.append(sparse_logistic(x[rows], targets_of(y[rows], num_classes), self.strength))
        average = Linear(*(torch.stack(parts).mean(0) for parts in zip(*solutions, strict=True)))
        head = loop.net.head
        assert isinstance(head, nn.Linear)
        for own, found in zip((head.weight, head.bias), head_of(average, mean, scale), strict=True):
            own.copy_(found)
        return {}

    def _seen(self, loop: Loop) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings, labels and groups of the training set."""
        parts = []
        for batch in loop.everything():
            z = loop.forward(batch).embedding
            assert z is not None
            parts.append((z.double(), batch.y, batch.a))
        z, y, a = (torch.cat(column) for column in zip(*parts, strict=True))
        if not z.isfinite().all():
            raise Diverged("the baseline's embeddings are not finite: no head can be solved for")
        return z, y, a
