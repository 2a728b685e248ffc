"""Thresholds that move with how a sample looks: the group is inferred, and need not be known at prediction.

E. Delaney, Z. Fu, S. Wachter, B. Mittelstadt, C. Russell, "OxonFair: A Flexible Toolkit for Algorithmic Fairness", NeurIPS 2024,
section on deep networks: a second linear head infers the group from the embedding, by least squares on the groups as 0 and 1, and
the logits get offsets in proportion to it. All is linear in the embedding, so that it can be merged into the net's own last layer.
Theirs trains that head with the net and takes the likeliest group's offset; here the trained net is left alone, the head is solved
for on validation samples, with a ridge, and offsets are weighed by what it says, which is what the merged layer does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairtune.metrics import Weighting
from fairtune.records import Floats
from fairtune.thresholds._offsets import best_offsets
from fairtune.thresholds._scored import Adjustment, Predicted, Scored, decide

_RIDGE = 1e-2
"""Of the embedding's mean variance times the number of samples."""


@dataclass(frozen=True, eq=False)
class MergedOffsets(Adjustment):
    """What is added to the net's last layer.

    Attributes:
        weight: ``(K, D)``.
        bias: ``(K,)``.
    """

    weight: Floats
    bias: Floats

    def __call__(self, scored: Scored) -> Predicted:
        """The likeliest class of the net with the merged layer."""
        return decide(scored.logits + scored.embedding @ self.weight.T + self.bias)


def fit(scored: Scored, weights: Sequence[float], weighting: Weighting) -> list[Adjustment]:
    """The best offsets in proportion to the inferred group, merged, for each weight of DEO_M."""
    slopes, constant = infer_group(scored)
    shares = scored.embedding @ slopes + constant
    found = best_offsets(scored, shares, weights, weighting)
    return [MergedOffsets((slopes @ offsets).T, constant @ offsets) for offsets in found]


def infer_group(scored: Scored) -> tuple[Floats, Floats]:
    """Slopes ``(D, A)`` and constants ``(A,)`` of the ridge regression of the group on the embedding."""
    middle = scored.embedding.mean(axis=0)
    centred, groups = scored.embedding - middle, scored.groups
    size = centred.shape[1]
    ridge = _RIDGE * max(float((centred**2).sum()) / size, np.finfo(np.float64).tiny)
    slopes = np.linalg.solve(centred.T @ centred + ridge * np.eye(size), centred.T @ (groups - groups.mean(axis=0)))
    return slopes, groups.mean(axis=0) - middle @ slopes
