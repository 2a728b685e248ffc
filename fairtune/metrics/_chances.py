"""How likely one net is truly better than another in several scores at once, from what each answered on one split."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from fairtune.metrics._normal import exceeded
from fairtune.metrics._paired import is_of_answers
from fairtune.metrics._redrawn import draws
from fairtune.metrics._score import Score
from fairtune.records import Floats, GroupCounts

_DRAWS = 400
_LEAST = 1e-9


class Drawn(NamedTuple):
    """What the true scores of a net may be.

    Attributes:
        costs: ``(draws, m)``, a column for each score, the least being the best.
    """

    costs: Floats


def draw_truths(scores: Sequence[Score], counts: GroupCounts, values: Sequence[float]) -> Drawn | None:
    """What the true scores of a net may be, as far as a split tells.

    The answers of each cell are drawn anew, all scores from the same draws, and laid about the scores without most of the bias of
    a maximum: drawn answers raise a largest gap, and that of a net with many equal gaps most. They are spread until they reach as
    far as the 95 % limits of each score, which hold where a maximum's own draws do not.

    Args:
        scores: which.
        counts: the group counts of the net on the split.
        values: of the scores as they were measured there, which tell how they weigh cells.

    Returns:
        None where a score does not follow from the answers, or is not defined.
    """
    if not all(is_of_answers(score) and math.isfinite(value) for score, value in zip(scores, values, strict=True)):
        return None
    weightings = [score.weighting_of(counts, value) for score, value in zip(scores, values, strict=True)]
    tables = list(islice(draws(counts), _DRAWS))
    found = np.array([[score.of(table, way) for score, way in zip(scores, weightings, strict=True)] for table in tables])
    low, centre, high = np.array([score.within(counts, weighting=way) for score, way in zip(scores, weightings, strict=True)]).T
    apart = found - np.median(found, axis=0)
    usual = exceeded(0.025) * np.maximum(apart.std(axis=0), _LEAST)
    laid = centre + apart * np.maximum(np.where(apart < 0, centre - low, high - centre) / usual, 1.0)
    signs = [score.cost(1.0) for score in scores]
    return Drawn(laid * signs) if np.isfinite(laid).all() else None


def chance_of_dominating(one: Drawn | None, other: Drawn | None) -> float:
    """How likely a net is truly better than another in one score and no worse in all; NaN where that is not known.

    The two are taken to err on samples of their own. Where they err on the same ones, the chance is surer than this says.
    """
    if one is None or other is None:
        return math.nan
    apart = one.costs - np.roll(other.costs, 1, axis=0)  # both come from one stream of draws: not the same one twice
    return float(((apart <= 0).all(axis=1) & (apart < 0).any(axis=1)).mean())
