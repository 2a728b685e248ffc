"""How much surer a difference is when both settings are scored on the same samples: from what each answered to each of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from fairtune.metrics._redrawn import redraw_predictions
from fairtune.metrics._score import Score
from fairtune.records import Floats, GroupCounts, Ints
from fairtune.seeding import generator

_DRAWS = 200
_DOUBT = 0.5
_DRAWN_AT_ONCE = 1 << 21
"""Entries of tables that are held at a time, but for a single draw that has more."""


def is_of_answers(score: Score) -> bool:
    """Whether a score follows from the classes predicted: not from probabilities, margins or the embedding."""
    return score.source == "counts" and score.redraw is redraw_predictions


def share_left(score: Score, cells: Ints, setting: Sequence[Ints], other: Sequence[Ints]) -> float:
    """What pairing leaves of the error of a difference, against models that were all scored on samples of their own.

    Samples are drawn again within their cells, the same ones for every model. Where both settings, and one setting's models on
    several seeds, err on the same samples, their errors cancel in the difference; where seeds err on different ones, their mean is
    surer than a single model.

    Two settings that never differ on these samples, or always differ in a cell, may do otherwise on others. So half a sample more
    of each cell is one that the setting recognises and the other does not, and half one the other way round, which A. Agresti,
    Y. Min, "Simple improved confidence intervals for comparing matched proportions", Statistics in Medicine 2005, add to a paired
    table. A split has four cells or more, so that it is two samples each way or more.

    Args:
        score: of the classes predicted.
        cells: samples per cell ``(A, K)``, the same for all models.
        setting, other: classes predicted by each model of the two, ``(n,)`` in the order of the cells.

    Returns:
        Standard deviation of the difference of the two means over the models, over that of the difference of two single models
        with samples of their own: from nearly 0, where both settings answer alike, to 1, also where nothing varies.
    """
    models, split = np.stack([*setting, *other]), len(setting)
    plain = _drawn(score, cells, _Pairs(models, split, 0.0))
    doubted = _drawn(score, cells, _Pairs(models, split, _DOUBT))
    if min(len(plain), len(doubted)) < _DRAWS / 2:
        return 1.0
    apart = math.sqrt(plain[:, :split].var(axis=0).mean() + plain[:, split:].var(axis=0).mean())
    together = float((doubted[:, :split].mean(axis=1) - doubted[:, split:].mean(axis=1)).std())
    return min(1.0, together / apart) if apart > 0 else 1.0


class _Pairs(NamedTuple):
    """What all models answered to each sample.

    Attributes:
        answers: classes predicted ``(models, n)``.
        split: how many models are of the setting; those after them are of the other.
        doubt: samples more of each cell that the setting recognises and the other does not, and as many the other way round.
    """

    answers: Ints
    split: int
    doubt: float

    def kinds(self, start: int, end: int, label: int, classes: int) -> tuple[Ints, Floats]:
        """Answers that differ from each other ``(models, kinds)`` to the samples of a cell, and how likely each kind is."""
        kinds, times = np.unique(self.answers[:, start:end], axis=1, return_counts=True)
        ours, wrong = np.arange(len(self.answers))[:, None] < self.split, (label + 1) % classes
        differ = np.where(ours == [True, False], label, wrong)
        samples = np.append(times, [self.doubt, self.doubt])
        return np.concatenate([kinds, differ], axis=1), samples / samples.sum()


def _drawn(score: Score, cells: Ints, pairs: _Pairs) -> Floats:
    """Scores of every model on samples drawn again ``(draws, models)``, of draws for which all are defined."""
    drawn = np.concatenate([_scores(score, cells, tables) for tables in _redrawn(cells, pairs)])
    defined: Floats = drawn[np.isfinite(drawn).all(axis=1)]
    return defined


def _scores(score: Score, cells: Ints, tables: Ints) -> Floats:
    """Of tables ``(draws, models, A, K, K)``, for each draw and model."""
    if score.of_cells is not None:
        right: Floats = np.diagonal(tables, axis1=-2, axis2=-1).astype(float)
        return score.of_cells(np.divide(right, cells, out=np.full(right.shape, np.nan), where=cells > 0))
    return np.array([[score.of(GroupCounts(table, table.astype(float))) for table in of_draw] for of_draw in tables])


def _redrawn(cells: Ints, pairs: _Pairs) -> Iterator[Ints]:
    """The tables of every model on samples drawn again ``(draws, models, A, K, K)``, some draws at a time."""
    rng = generator(0, "bootstrap")
    shape = (*cells.shape, cells.shape[1])
    models = len(pairs.answers)
    at_once = max(1, _DRAWN_AT_ONCE // (models * math.prod(shape)))
    for begin in range(0, _DRAWS, at_once):
        draws = min(at_once, _DRAWS - begin)
        yield _tables(cells.ravel(), pairs, shape[-1], draws, rng).reshape(draws, models, *shape)


def _tables(cells: Ints, pairs: _Pairs, classes: int, draws: int, rng: np.random.Generator) -> Ints:
    """Classes predicted in each cell ``(draws, models, cells, K)``; what all models answered alike is drawn as one kind."""
    tables = np.zeros((draws, len(pairs.answers), len(cells), classes), dtype=np.int64)
    for cell, (start, end) in enumerate(pairwise(np.concatenate([[0], cells.cumsum()]))):
        if start == end:
            continue
        kinds, likely = pairs.kinds(start, end, cell % classes, classes)
        drawn = rng.multinomial(end - start, likely, size=draws)
        answered: Floats = (kinds.T[..., None] == np.arange(classes)).astype(float)
        tables[:, :, cell] = np.rint(np.tensordot(drawn, answered, axes=1))
    return tables
