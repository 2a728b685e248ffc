"""What a dataset is like, as one HTML page that needs nothing beside it."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jinja2
import numpy as np
from matplotlib.figure import Figure

from fairtune import plugins
from fairtune.datasets import Alike, Info, Pool, Twins, narrow
from fairtune.methods import compose
from fairtune.records import Floats, Ints, Split
from fairtune.report.association import Skew, needed_for_gap, reach_of_gap, skew_of
from fairtune.report.cells import draw_brightness, draw_cells, draw_row, draw_samples
from fairtune.report.formats import format_score
from fairtune.report.rendering import rendered
from fairtune.spec import PlugIn

_RECALLS = (0.9, 0.5)
_DRAWN = 24
_LISTED = 100


@dataclass(frozen=True)
class Inspected:
    """A dataset under one choice of its options.

    Attributes:
        dataset: with its options.
        target: what the classes are of.
        info: of the dataset.
        splits: all of them; the images of the test split are not looked at.
    """

    dataset: PlugIn
    target: str
    info: Info
    splits: Mapping[str, Split]

    @property
    def counts(self) -> dict[str, Ints]:
        """Samples per cell of each split."""
        return {name: split.cells for name, split in self.splits.items()}


@dataclass(frozen=True)
class Findings:
    """What was found in a dataset whatever its target.

    Attributes:
        name: of the dataset.
        summary: what it is, in a line.
        licence: under what its data may be used.
        options: that were given.
        remarks: what a user should know.
        pools: of the training parts, by name.
        twins: equal images.
        near: pairs of nearly equal images, those of different splits first; None where they were not looked for.
        broken: images that are left out, with the reason.
        shows: whether pictures may be shown.
    """

    name: str
    summary: str
    licence: str
    options: Mapping[str, object]
    remarks: Sequence[str]
    pools: Mapping[str, Pool]
    twins: Twins
    near: Sequence[Alike] | None
    broken: Mapping[str, str]
    shows: bool


class _SkewRow(NamedTuple):
    split: str
    samples: int
    smallest: int
    largest: int
    skew: Skew


class _ReachRow(NamedTuple):
    name: str
    split: str
    first: int
    second: int
    reaches: tuple[float, ...]


class _PossibleRow(NamedTuple):
    methods: list[str]
    batches: str
    possible: bool


class _LooksRow(NamedTuple):
    group: str
    images: int
    commonest: str
    share: float
    others: str
    mean: float
    deviation: float


def render_inspection(found: Findings, views: Sequence[Inspected]) -> str:
    """The page's HTML, its pictures inlined."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fairtune", "report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["score"] = format_score
    return environment.get_template("inspection.html.j2").render(page=_page(found, views))


def _page(found: Findings, views: Sequence[Inspected]) -> dict[str, object]:
    first = views[0]
    train = first.splits["train"]
    is_image = train.pool.ndim == 4
    shows = found.shows and is_image
    odd = [(part, row) for part, pool in found.pools.items() for row in _odd_rows(pool)]
    looks = list(_looks(first, found.pools))
    return {
        "name": found.name,
        "summary": found.summary,
        "licence": found.licence,
        "options": found.options,
        "remarks": found.remarks,
        "views": [_view(view) for view in views],
        "looks": looks,
        "brightness": _inline(draw_brightness(_by_cell(first, found.pools), first.info)) if looks else "",
        "twins": found.twins,
        "near": None if found.near is None else _near(found),
        "near_found": bool(found.near),
        "near_told": _near_told(found.near or ()),
        "near_across": [_named(pair) for pair in (found.near or ()) if pair.across][:_LISTED],
        "broken": list(found.broken.items()),
        "odd_images": len(odd),
        "odd": _inline(draw_row([found.pools[part].x[row : row + 1][0] for part, row in odd[:_DRAWN]])) if odd and shows else "",
        "samples": _inline(draw_samples(train, first.info)) if shows else "",
        "shows": found.shows,
    }


def _view(view: Inspected) -> dict[str, object]:
    counts = view.counts
    return {
        "target": view.target,
        "cells": _inline(draw_cells(counts, view.info)),
        "skews": [
            _SkewRow(name, int(cells.sum()), int(cells.min()), int(cells.max()), skew_of(cells)) for name, cells in counts.items()
        ],
        "reaches": list(_reaches(view)),
        "needed": [needed_for_gap(recall) for recall in _RECALLS],
        "possible": list(possible_batches(view.splits["train"].cells, view.dataset)),
    }


def _reaches(view: Inspected) -> Iterator[_ReachRow]:
    """For each class, how well the gap of the two groups with the fewest samples can be told."""
    for y, name in enumerate(view.info.classes):
        for split in ("validation", "test"):
            first, second = sorted(view.splits[split].cells[:, y].tolist())[:2]
            yield _ReachRow(name, split, first, second, tuple(reach_of_gap(first, second, recall) for recall in _RECALLS))


def possible_batches(cells: Ints, dataset: PlugIn) -> Iterator[_PossibleRow]:
    """Which methods can be trained with which batches.

    Args:
        cells: training samples per cell ``(A, K)``.
        dataset: that they are of.
    """
    kinds: dict[bool, list[str]] = {False: [], True: []}
    for name in plugins.names("method"):
        kinds[compose(name, {}).balances(dataset)].append(name)
    smallest = int(cells.min())
    yield _PossibleRow(kinds[False], f"up to {int(cells.sum()):,} samples", True)
    if smallest:
        told = (
            f"from {cells.size:,} to {smallest * cells.size:,} samples: {smallest:,}, the smallest cell, of each of {cells.size:,}"
        )
    else:
        empty = int((cells == 0).sum())
        told = f"none: {empty} of {cells.size} cells have no training samples, and each batch takes some of every cell"
    yield _PossibleRow(kinds[True], told, smallest > 0)


def _by_cell(view: Inspected, pools: Mapping[str, Pool]) -> dict[tuple[int, int], Floats]:
    """Brightness of the training images of each cell ``(y, a)``."""
    train, values = view.splits["train"], pools["train" if "train" in pools else next(iter(pools))].columns["image.brightness"]
    cells = [(y, a) for a in range(train.num_groups) for y in range(train.num_classes)]
    return {(y, a): values.astype(np.float64)[train.rows[(train.y == y) & (train.a == a)]] for y, a in cells}


def _looks(view: Inspected, pools: Mapping[str, Pool]) -> Iterator[_LooksRow]:
    """Size and brightness of each group's training images; nothing where they were not noted."""
    train = view.splits["train"]
    columns = pools["train" if "train" in pools else next(iter(pools))].columns
    if "image.width" not in columns:
        return
    for a, group in enumerate(view.info.groups):
        rows = train.rows[train.a == a]
        if not len(rows):
            continue
        sizes = Counter(zip(columns["image.width"][rows].tolist(), columns["image.height"][rows].tolist(), strict=True))
        (commonest, count), *others = sizes.most_common()
        told = ", ".join(f"{width} x {height} ({n})" for (width, height), n in others[:3]) + (" ..." if len(others) > 3 else "")
        bright = columns["image.brightness"][rows]
        yield _LooksRow(
            group, len(rows), "{} x {}".format(*commonest), count / len(rows), told, float(bright.mean()), float(bright.std())
        )


def _odd_rows(pool: Pool) -> list[int]:
    return np.flatnonzero(narrow(pool)).tolist() if "image.low" in pool.columns else []


def _near(found: Findings) -> str:
    """Pairs of nearly equal images side by side."""
    pools = {"train": next(iter(found.pools.values())), "validation": next(iter(found.pools.values())), **found.pools}
    shown = [pair for pair in found.near or () if "test" not in pair.splits][: _DRAWN // 2]
    images = [pools[name].x[row : row + 1][0] for pair in shown for name, row in zip(pair.splits, pair.rows, strict=True)]
    return _inline(draw_row(images)) if images else ""


def _near_told(pairs: Sequence[Alike]) -> str:
    across = sum(pair.across for pair in pairs)
    return (
        f"{len(pairs):,} pairs, {across:,} of them in different splits, where what is judged may have been learnt from; the first "
        f"{_DRAWN // 2} of training and validation images are shown side by side, none of the test."
    )


def _named(pair: Alike) -> str:
    """Where the two are: their places among the images of their parts, in the order of the table or the folder."""
    return " = ".join(f"{name} image {row}" for name, row in zip(pair.splits, pair.rows, strict=True))


def _inline(figure: Figure) -> str:
    """A figure as base64 of a PNG file."""
    return base64.b64encode(rendered(figure)).decode()
