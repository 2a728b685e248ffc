"""How much surer a difference is when both settings are scored on the same samples: from what each answered to each of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from fairtune.metrics._redrawn import redraw_predictions
from fairtune.metrics._score import Score
from fairtune.records import Floats, GroupCounts, Ints
from fairtune.seeding import generator

_DRAWS = 200
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

    Args:
        score: of the classes predicted.
        cells: samples per cell ``(A, K)``, the same for all models.
        setting, other: classes predicted by each model of the two, ``(n,)`` in the order of the cells.

    Returns:
        Standard deviation of the difference of the two means over the models, over that of the difference of two single models
        with samples of their own: from 0, where both settings' scores are alike on any samples, to 1, also where nothing varies.
    """
    models = np.stack([*setting, *other])
    drawn = np.concatenate([_scores(score, cells, tables) for tables in _redrawn(cells, models)])
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    if len(drawn) < _DRAWS / 2:
        return 1.0
    one, two = drawn[:, : len(setting)], drawn[:, len(setting) :]
    apart = math.sqrt(one.var(axis=0).mean() + two.var(axis=0).mean())
    return min(1.0, float((one.mean(axis=1) - two.mean(axis=1)).std()) / apart) if apart > 0 else 1.0


def _scores(score: Score, cells: Ints, tables: Ints) -> Floats:
    """Of tables ``(draws, models, A, K, K)``, for each draw and model."""
    if score.of_cells is not None:
        right: Floats = np.diagonal(tables, axis1=-2, axis2=-1).astype(float)
        return score.of_cells(np.divide(right, cells, out=np.full(right.shape, np.nan), where=cells > 0))
    return np.array([[score.of(GroupCounts(table, table.astype(float))) for table in of_draw] for of_draw in tables])


def _redrawn(cells: Ints, models: Ints) -> Iterator[Ints]:
    """The tables of every model on samples drawn again ``(draws, models, A, K, K)``, some draws at a time."""
    rng = generator(0, "bootstrap")
    shape = (*cells.shape, cells.shape[1])
    at_once = max(1, _DRAWN_AT_ONCE // (len(models) * math.prod(shape)))
    for begin in range(0, _DRAWS, at_once):
        draws = min(at_once, _DRAWS - begin)
        yield _tables(cells.ravel(), models, shape[-1], draws, rng).reshape(draws, len(models), *shape)


def _tables(cells: Ints, models: Ints, classes: int, draws: int, rng: np.random.Generator) -> Ints:
    """Classes predicted in each cell ``(draws, models, cells, K)``; what all models answered alike is drawn as one kind."""
    tables = np.zeros((draws, len(models), len(cells), classes), dtype=np.int64)
    for cell, (start, end) in enumerate(pairwise(np.concatenate([[0], cells.cumsum()]))):
        if start == end:
            continue
        kinds, times = np.unique(models[:, start:end], axis=1, return_counts=True)
        drawn = rng.multinomial(end - start, times / (end - start), size=draws)
        answered: Floats = (kinds.T[..., None] == np.arange(classes)).astype(float)
        tables[:, :, cell] = np.rint(np.tensordot(drawn, answered, axes=1))
    return tables
