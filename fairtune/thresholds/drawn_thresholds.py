"""Thresholds of each group's own between which lots are drawn, as equalized odds needs; the group has to be known at prediction.

M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning", NeurIPS 2016, section 4: what a group can reach by
drawing between thresholds is the convex hull of what its thresholds reach, and the best of all groups' hulls is a linear programme.
Here it maximises accuracy less a weight times DEO_M; a large weight gives equal rates exactly, as theirs has. Of more than two
classes the groups' offsets of :mod:`fairtune.thresholds.group_thresholds` and the constant answers are drawn between.

Two people with equal scores and of one group may be told different things: that is the price of equal rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from fairtune.errors import DataError
from fairtune.metrics import Weighting
from fairtune.records import Floats, Ints
from fairtune.seeding import generator
from fairtune.thresholds._offsets import Aim, best_offsets
from fairtune.thresholds._scored import Adjustment, Predicted, Scored, decide, softmax

_THRESHOLDS = 200
_MIXED = (0.1, 1.0)
_LEAST = 1e-9
_FAR = 1e6
"""Added to a logit, it decides."""


@dataclass(frozen=True, eq=False)
class DrawnOffsets(Adjustment):
    """What is added to the logits of each group, drawn for each sample.

    Attributes:
        offsets: of each group, what it draws between ``(C_a, K)``.
        shares: of each group, how often it draws each ``(C_a,)``, which sum to 1.
    """

    offsets: tuple[Floats, ...]
    shares: tuple[Floats, ...]

    def __call__(self, scored: Scored) -> Predicted:
        """The likeliest class once the offsets that were drawn are added; the same samples in the same order draw the same."""
        lots = generator(0, "thresholds").random(len(scored.y))
        classes, probabilities = np.zeros(len(scored.y), dtype=np.int64), np.zeros_like(scored.logits)
        for group, (offsets, shares) in enumerate(zip(self.offsets, self.shares, strict=True)):
            own = np.flatnonzero(scored.a == group)
            drawn = np.minimum(np.searchsorted(np.cumsum(shares), lots[own], side="right"), len(shares) - 1)
            classes[own] = decide(scored.logits[own] + offsets[drawn]).classes
            for offset, share in zip(offsets, shares, strict=True):
                probabilities[own] += share * softmax(scored.logits[own] + offset)
        return Predicted(classes, probabilities)


def fit(scored: Scored, weights: Sequence[float], weighting: Weighting) -> list[Adjustment]:
    """The best shares of each group's offsets, for each weight of DEO_M."""
    offsets = _thresholds(scored) if scored.num_classes == 2 else _solutions(scored, weighting)
    recalls = [_recalls(scored, group, offered) for group, offered in enumerate(offsets)]
    return [_drawn(offsets, _solve(recalls, Aim.of(scored, weight, weighting))) for weight in weights]


def _thresholds(scored: Scored) -> list[Floats]:
    """Of each group, offsets of class 1 that put the threshold between any two of its scores, or beyond all."""
    margins = scored.logits[:, 1] - scored.logits[:, 0]
    return [_offsets_at(np.unique(margins[scored.a == group])) for group in range(scored.num_groups)]


def _offsets_at(margins: Floats) -> Floats:
    values = np.concatenate([[_FAR, -_FAR], -(margins[1:] + margins[:-1]) / 2])
    if len(values) > _THRESHOLDS:
        values = np.concatenate([values[:2], np.quantile(values[2:], np.linspace(0, 1, _THRESHOLDS))])
    return np.stack([np.zeros_like(values), values], axis=1)


def _solutions(scored: Scored, weighting: Weighting) -> list[Floats]:
    """Of each group, its offsets for several weights when no lots are drawn, none, and the constant answers."""
    found = best_offsets(scored, scored.groups, _MIXED, weighting)
    constant = _FAR * np.eye(scored.num_classes)
    still = np.zeros((1, scored.num_classes))
    own = ([offsets[group] for offsets in found] for group in range(scored.num_groups))
    return [np.unique(np.concatenate([still, constant, each]), axis=0) for each in own]


def _recalls(scored: Scored, group: int, offsets: Floats) -> Floats:
    """Share of right decisions in each class of a group for each of its offsets ``(C, K)``; 0 where it has no samples."""
    own = scored.take(np.flatnonzero(scored.a == group))
    right = np.stack([(own.logits + offset).argmax(axis=1) == own.y for offset in offsets])
    recalls: Floats = right @ np.eye(scored.num_classes)[own.y] / np.maximum(scored.cells[group], 1)
    return recalls


def _solve(recalls: Sequence[Floats], aim: Aim) -> list[Floats]:
    """The shares of each group's offsets, by a linear programme in them and the largest gap.

    A class's recall in one group may exceed that in any other by the gap at most.
    """
    from scipy.optimize import linprog

    ends = np.cumsum([len(each) for each in recalls])
    spans = [slice(end - len(each), end) for end, each in zip(ends, recalls, strict=True)]
    cost = np.append(-np.concatenate([each @ aim.shares[group] for group, each in enumerate(recalls)]), aim.weight)
    limits = np.zeros((0, len(cost)))
    for klass, (one, other) in _compared(aim.cells):
        row = np.zeros(len(cost))
        row[spans[one]], row[spans[other]], row[-1] = recalls[one][:, klass], -recalls[other][:, klass], -1.0
        limits = np.vstack([limits, row])
    whole = np.zeros((len(recalls), len(cost)))
    for group, span in enumerate(spans):
        whole[group, span] = 1.0
    solved = linprog(cost, limits, np.zeros(len(limits)), whole, np.ones(len(recalls)), (0.0, 1.0))
    if not solved.success:
        raise DataError(f"the linear programme of the drawn thresholds was not solved: {solved.message}")
    return np.split(np.asarray(solved.x)[:-1], ends[:-1])


def _compared(cells: Ints) -> list[tuple[int, tuple[int, int]]]:
    """Every class with every ordered pair of groups that have samples of it."""
    present = [np.flatnonzero(cells[:, klass]).tolist() for klass in range(cells.shape[1])]
    return [(klass, pair) for klass, groups in enumerate(present) for pair in permutations(groups, 2)]


def _drawn(offsets: Sequence[Floats], shares: Sequence[Floats]) -> DrawnOffsets:
    """Without what is never drawn."""
    kept = [share > _LEAST for share in shares]
    left = [share[keep] for share, keep in zip(shares, kept, strict=True)]
    return DrawnOffsets(
        tuple(each[keep] for each, keep in zip(offsets, kept, strict=True)), tuple(share / share.sum() for share in left)
    )
