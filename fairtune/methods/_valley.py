"""Which segments of a training are averaged: those around the first flat minimum of the validation loss (SWAD)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Valley(NamedTuple):
    """What is known of the valley after some segments.

    Attributes:
        start: the segment at which the loss had converged, from 0; None before.
        threshold: the loss up to which the valley reaches; NaN before.
        averaged: the segments whose weights are averaged, in the order in which they are taken; the start's alone while there are
            none.
        dead: the segment at whose end the valley was known to be over; None before.
    """

    start: int | None = None
    threshold: float = math.nan
    averaged: tuple[int, ...] = ()
    dead: int | None = None


def valley(losses: Sequence[float], *, converge: int, tolerate: int, ratio: float, ended: bool) -> Valley:
    """The valley of validation losses, one at the end of each segment.

    Converged is the first of ``converge`` segments in a row that has their lowest loss; the threshold is (1 + ratio) times their
    mean. From it on a segment is averaged if the smallest loss of it and the ``tolerate`` - 1 after it is at most the threshold;
    the first that is not ends the valley. More losses only add to what some have decided.

    Args:
        losses: of the segments so far.
        converge: n_c.
        tolerate: n_t.
        ratio: r.
        ended: whether there will be no more; then fewer segments after one are enough.

    References:
        J. Cha, S. Chun, K. Lee, H.-C. Cho, S. Park, Y. Lee, S. Park, "SWAD: Domain Generalization by Seeking Flat Minima", NeurIPS
        2021, algorithm 1.
    """
    start, threshold = _convergence(losses, converge, ratio)
    averaged: list[int] = []
    for segment in range(len(losses) if start is None else start, len(losses)):
        ahead = losses[segment : segment + tolerate]
        whole = len(ahead) == tolerate
        if min(ahead) > threshold:
            return Valley(start, threshold, tuple(averaged), segment + tolerate - 1 if whole else None)
        if not whole and not ended:
            break
        averaged.append(segment)
    return Valley(start, threshold, tuple(averaged))


def official_valley(losses: Sequence[float], *, converge: int, tolerate: int, ratio: float, ended: bool) -> Valley:
    """The valley as the authors' code has it, which keeps the last ``tolerate`` segments and takes the oldest at each new one.

    Where it differs from :func:`valley`: the start itself is averaged only while it is the oldest, and again for as long as fewer
    segments are kept. With n_t > n_c segments before it come first, from the one after next to the last above the threshold; with
    n_t < n_c those after it that are no longer kept. Arguments as there.
    """
    start, threshold = _convergence(losses, converge, ratio)
    if start is None:
        return Valley()
    known = start + converge - 1
    kept = list(range(max(0, known - tolerate + 1), known + 1))
    before = kept[: tolerate - converge + 1] if tolerate > converge else []
    above = [place for place, segment in enumerate(before) if losses[segment] > threshold]
    averaged = before[above[-1] + 2 if above else 1 :] + list(range(start + 1, start + 1 + converge - tolerate))
    for newest in range(known + 1, len(losses)):
        kept = list(range(max(0, newest - tolerate + 1), newest + 1))
        if kept[0] < start:
            continue
        if min(losses[segment] for segment in kept) > threshold:
            return Valley(start, threshold, tuple(averaged), newest)
        averaged.append(kept[0])
    while ended and len(kept) > 1 and min(losses[segment] for segment in kept[1:]) <= threshold:
        kept = kept[1:]
        averaged.append(kept[0])
    return Valley(start, threshold, tuple(averaged))


def _convergence(losses: Sequence[float], converge: int, ratio: float) -> tuple[int | None, float]:
    """The segment at which the loss had converged, and the threshold; None and NaN before."""
    for start in range(len(losses) - converge + 1):
        window = losses[start : start + converge]
        if min(window) == window[0]:
            return start, (1 + ratio) * sum(window) / converge
    return None, math.nan
