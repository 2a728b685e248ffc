"""Tables of predictions drawn anew, and limits from them of any function of group counts: for scores that say no better way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from fairtune.metrics._limits import UNKNOWN, Limits
from fairtune.records import Array, Floats, GroupCounts, Ints
from fairtune.seeding import generator

_DRAWS = 1000

Redraw = Callable[[Sequence[GroupCounts], Ints, np.random.Generator], Iterator[GroupCounts]]
"""Given models, which of them each replicate is of, and a generator: the replicates."""

_DRAWN_AT_ONCE = 1 << 20
"""Entries of tables that are held at a time, 8 MiB; but for a single table that is larger."""


def redraw_predictions(models: Sequence[GroupCounts], picks: Ints, rng: np.random.Generator) -> Iterator[GroupCounts]:
    """The counts of each pick with the predictions of each cell's samples drawn anew from those of the cell."""
    for pick, table in zip(picks, _redraw([counts.hard for counts in models], picks, rng), strict=True):
        yield replace(models[pick], hard=table)


def redraw_probabilities(models: Sequence[GroupCounts], picks: Ints, rng: np.random.Generator) -> Iterator[GroupCounts]:
    """The counts of each pick with each cell's summed probabilities drawn anew, as if each sample were sure of one class.

    That is more than chance does to them: probabilities vary less than answers of the same mean.
    """
    for pick, table in zip(picks, _redraw([counts.soft for counts in models], picks, rng), strict=True):
        yield replace(models[pick], soft=table.astype(float))


def redraw_margins(models: Sequence[GroupCounts], picks: Ints, rng: np.random.Generator) -> Iterator[GroupCounts]:
    """The counts of each pick with the margins of each cell's samples drawn anew from those of the cell."""
    tables = [counts.margins for counts in models if counts.margins is not None]
    if len(tables) < len(models):
        yield from (models[pick] for pick in picks)
        return
    for pick, table in zip(picks, _redraw(tables, picks, rng), strict=True):
        yield replace(models[pick], margins=table)


def draws(counts: GroupCounts, redraw: Redraw = redraw_predictions, *, alike: bool = False) -> Iterator[GroupCounts]:
    """The counts of a split with one of its tables drawn anew, 1000 times.

    Where all samples of a cell are predicted alike, nothing would vary: two more of each cell, spread evenly over the classes, are
    drawn from too, as A. Agresti, B. Caffo, The American Statistician 2000, do for shares.

    Args:
        counts: the group counts of a split.
        redraw: of which table.
        alike: whether all groups of a class are drawn from the predictions of all of them.
    """
    hard, soft = (_smoothed(_shared(table) if alike else table, counts.cells) for table in (counts.hard, counts.soft))
    smoothed = GroupCounts(hard, soft, counts.margins)
    for drawn in redraw([smoothed], np.zeros(_DRAWS, dtype=np.int64), generator(0, "bootstrap")):
        yield replace(drawn, hard=counts.hard) if drawn.hard is hard else drawn  # the cells' sizes, up to no rounding


def of_redrawn(
    compute: Callable[[GroupCounts], float], counts: GroupCounts, level: float, *, gap: bool, redraw: Redraw = redraw_predictions
) -> Limits:
    """Limits of a function of group counts.

    Args:
        compute: the function.
        counts: the group counts of a split.
        level: confidence, between 0 and 1.
        gap: whether it is 0 where all groups are treated alike: errors only raise it there, and as much as they do is taken off.
        redraw: of the table that it is a function of.
    """
    value = compute(counts)
    drawn = _defined(compute(table) for table in draws(counts, redraw))
    raised = _defined(compute(table) for table in draws(counts, redraw, alike=True)) if gap else drawn
    if not np.isfinite(value) or not len(drawn) or not len(raised):
        return UNKNOWN
    below, middle, above = np.quantile(drawn, [(1 - level) / 2, 0.5, (1 + level) / 2])
    if gap:
        return Limits(max(value - float(np.quantile(raised, level)), 0.0), max(2 * value - float(middle), 0.0), float(above))
    return Limits(value - float(above - middle), value, value + float(middle - below))


def _shared(table: Array) -> Array:
    """Every group's row of a class is that of all groups together."""
    return np.broadcast_to(table.sum(axis=0), table.shape)


def _smoothed(table: Array, cells: Ints) -> Array:
    """With two more samples of each cell, and as many in all as there are."""
    more = table + 2.0 / table.shape[-1]
    smoothed: Array = more * (cells[:, :, None] / more.sum(axis=-1, keepdims=True))
    return smoothed


def _defined(scores: Iterator[float]) -> Floats:
    drawn: Floats = np.array(list(scores), dtype=float)
    return drawn[np.isfinite(drawn)]


def _redraw(tables: Sequence[Array], picks: Ints, rng: np.random.Generator) -> Iterator[Ints]:
    """A redraw of each pick's table, many at a time; what is drawn does not depend on how many."""
    rows = np.stack(tables).reshape(len(tables), -1, tables[0].shape[-1])
    sums = rows.sum(axis=2)
    sizes = np.rint(sums).astype(np.int64)
    shares = np.divide(rows, sums[:, :, None], out=np.full(rows.shape, 1.0 / rows.shape[2]), where=sums[:, :, None] > 0)
    at_once = max(1, _DRAWN_AT_ONCE // rows[0].size)
    for start in range(0, len(picks), at_once):
        some = picks[start : start + at_once]
        yield from rng.multinomial(sizes[some], shares[some]).reshape(len(some), *tables[0].shape)
