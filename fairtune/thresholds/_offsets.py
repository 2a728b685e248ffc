"""The search for what is added to logits: the best accuracy, less a weight times DEO_M, on some samples.

Logits become ``z_i + sum_g share_ig offset_g``, where the shares say how far a sample is of a group: 1 or 0 where its group
is known, what is inferred where it is not. In one offset at a time everything is known at once: a sample goes over to the offset's
class at one value and stays there. So each step tries the values between which a like number of samples go over, and takes the
best.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fairtune.metrics import Weighting
from fairtune.records import Floats, Ints
from fairtune.thresholds._scored import Scored

_VALUES = 64
_STARTS = 7
_SWEEPS = 6
_NO_SHARE = 1e-9


class Aim(NamedTuple):
    """What is maximised: weighted accuracy less a weight times DEO_M.

    Attributes:
        cells: samples per cell ``(A, K)``.
        shares: of each cell in accuracy ``(A, K)``.
        weight: of DEO_M.
    """

    cells: Ints
    shares: Floats
    weight: float

    @classmethod
    def of(cls, scored: Scored, weight: float, weighting: Weighting) -> Aim:
        """With accuracy as the scores have it: of the samples, or of all cells that have samples alike."""
        cells = scored.cells
        counted = cells if weighting == "samples" else (cells > 0).astype(np.int64)
        return cls(cells, counted / counted.sum(), weight)

    def of_accuracies(self, recalls: Floats) -> Floats:
        """The aim for shares of right decisions per cell ``(..., A, K)``; what cells without samples have does not matter."""
        there = self.cells > 0
        compared = there.sum(axis=0) > 1
        accuracy = (np.where(there, recalls, 0.0) * self.shares).sum(axis=(-2, -1))
        highest = np.where(there, recalls, 0.0).max(axis=-2)
        lowest = np.where(there, recalls, 1.0).min(axis=-2)
        gap = np.where(compared, highest - lowest, 0.0).max(axis=-1)
        value: Floats = accuracy - self.weight * gap
        return value


def best_offsets(scored: Scored, shares: Floats, weights: Sequence[float], weighting: Weighting) -> list[Floats]:
    """The offsets ``(A, K)`` for each weight of DEO_M, as far as steps in one offset at a time lead from several starts.

    One of them is what was found for the weight before, first for none: far from the most accurate offsets steps get stuck.

    Args:
        scored: what they are fitted on.
        shares: of each sample in each group ``(n, A)``.
        weights: of DEO_M, each at least 0, growing.
        weighting: of accuracy.
    """
    touched = [_Touched.by(scored, shares[:, group]) for group in range(scored.num_groups)]
    starts = list(_starts(scored))
    found: list[Floats] = []
    for weight in (0.0, *weights):
        climb = _Climb(scored, touched, Aim.of(scored, weight, weighting))
        ends = [climb.up(start) for start in (*starts, *found[-1:])]
        found.append(max(ends, key=lambda end: end[1])[0])
    return found[1:]


def _starts(scored: Scored) -> Iterator[Floats]:
    """The net as it is; of two classes also with other thresholds, the same for all groups: groups have to move together."""
    still = np.zeros((scored.num_groups, scored.num_classes))
    yield still
    if scored.num_classes != 2:
        return
    margins = scored.logits[:, 1] - scored.logits[:, 0]
    for threshold in np.quantile(margins, np.linspace(0, 1, _STARTS + 2)[1:-1]):
        moved = still.copy()
        moved[:, 1] = -threshold
        yield moved


class _Touched(NamedTuple):
    """The samples that a group's offsets move.

    Attributes:
        rows: their positions ``(m,)``.
        share: of each in the group ``(m,)``, not 0.
        y: their labels ``(m,)``.
        cells: the cell of each, as ``(m, A K)`` ones and zeros.
    """

    rows: Ints
    share: Floats
    y: Ints
    cells: npt.NDArray[np.float32]

    @classmethod
    def by(cls, scored: Scored, share: Floats) -> _Touched:
        """Those with a share in the group."""
        rows = np.flatnonzero(np.abs(share) > _NO_SHARE)
        return cls(rows, share[rows], scored.y[rows], np.eye(scored.cells.size, dtype=np.float32)[scored.cell[rows]])


class _Climb:
    """Steps that make the aim larger.

    Args:
        scored: what the offsets are fitted on.
        touched: what each group's offsets move.
        aim: what is to be large.
    """

    def __init__(self, scored: Scored, touched: Sequence[_Touched], aim: Aim) -> None:
        self._scored = scored
        self._touched = touched
        self._aim = aim
        self._samples = np.maximum(aim.cells, 1)

    def up(self, start: Floats) -> tuple[Floats, float]:
        """Where steps from some offsets lead, and the aim there."""
        offsets, moved = start.copy(), self._scored.logits.copy()
        for group, touched in enumerate(self._touched):
            moved[touched.rows] += touched.share[:, None] * offsets[group]
        best = float(self._reached(self._right(moved)))
        free = range(1, 2) if self._scored.num_classes == 2 else range(self._scored.num_classes)
        for _ in range(_SWEEPS):
            before = best
            for group, touched in enumerate(self._touched):
                for klass in free:
                    step, reached = self._step(moved, touched, klass)
                    if reached > best:
                        best = reached
                        offsets[group, klass] += step
                        moved[touched.rows, klass] += touched.share * step
            if best <= before:
                break
        return offsets, best

    def _step(self, moved: Floats, touched: _Touched, klass: int) -> tuple[float, float]:
        """By how much to change one offset, and the aim then; of equal changes the smallest."""
        if len(touched.rows) == 0:
            return 0.0, -np.inf
        own = moved[touched.rows]
        lead = own[:, klass].copy()
        own[:, klass] = -np.inf
        rival = own.argmax(axis=1)
        lead -= own[np.arange(len(rival)), rival]
        steps = _between(-lead / touched.share)
        wins = lead + steps[:, None] * touched.share > 0
        right = np.where(touched.y == klass, wins, ~wins & (rival == touched.y))
        others = self._right(moved) - (moved[touched.rows].argmax(axis=1) == touched.y) @ touched.cells
        reached = self._reached(right.astype(np.float32) @ touched.cells + others)
        best = int(reached.argmax())
        return float(steps[best]), float(reached[best])

    def _right(self, logits: Floats) -> Floats:
        """Right decisions in each cell ``(A K,)``."""
        right = logits.argmax(axis=1) == self._scored.y
        return np.bincount(self._scored.cell[right], minlength=self._aim.cells.size).astype(np.float64)

    def _reached(self, right: Floats) -> Floats:
        """The aim for right decisions in each cell ``(..., A K)``."""
        return self._aim.of_accuracies(right.reshape(*right.shape[:-1], *self._aim.cells.shape) / self._samples)


def _between(turns: Floats) -> Floats:
    """Changes to try, the smallest first: between the values at which samples change sides, and beyond all.

    Args:
        turns: those values ``(m,)``.
    """
    ordered = np.sort(turns)
    between = (ordered[1:] + ordered[:-1]) / 2
    if len(between) > _VALUES:
        between = between[np.linspace(0, len(between) - 1, _VALUES).astype(np.int64)]
    changes = np.concatenate([[ordered[0] - 1, ordered[-1] + 1], between])
    return changes[np.argsort(np.abs(changes), kind="stable")]
