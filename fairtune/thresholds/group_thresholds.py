"""Thresholds of each group's own: the decision depends on the group, which has to be known at prediction.

M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning", NeurIPS 2016, section 4, without drawing lots:
every group has its own threshold, or, of more than two classes, its own offset for each class. In place of a limit on the gap, the
accuracy is maximised less a weight times DEO_M. :mod:`fairtune.thresholds.drawn_thresholds` draws lots as theirs does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairtune.metrics import Weighting
from fairtune.records import Floats
from fairtune.thresholds._offsets import best_offsets
from fairtune.thresholds._scored import Adjustment, Predicted, Scored, decide


@dataclass(frozen=True, eq=False)
class GroupOffsets(Adjustment):
    """What is added to the logits of each group.

    Attributes:
        offsets: ``(A, K)``.
    """

    offsets: Floats

    def __call__(self, scored: Scored) -> Predicted:
        """The likeliest class once the group's offsets are added."""
        return decide(scored.logits + self.offsets[scored.a])


def fit(scored: Scored, weights: Sequence[float], weighting: Weighting) -> list[Adjustment]:
    """The best offsets of each group, for each weight of DEO_M."""
    return [GroupOffsets(offsets) for offsets in best_offsets(scored, scored.groups, weights, weighting)]
