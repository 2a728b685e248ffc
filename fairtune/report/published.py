"""What papers report for the methods and the data of a search."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import pandas as pd

from fairtune.datasets import Dataset
from fairtune.errors import FairtuneError
from fairtune.files import shipped
from fairtune.spec import PlugIn, SearchSpec

_BASELINE = "Teacher"
_OURS = ("seed", "val_frac")
"""Options of a dataset that are no part of what a paper describes."""


class Figure(NamedTuple):
    """One method of a published table.

    Attributes:
        method: its name there.
        table: the table's name, without ``.csv``.
        means: test scores by our names, from 0 to 1.
    """

    method: str
    table: str
    means: dict[str, float]


def figures_of(spec: SearchSpec) -> list[Figure]:
    """The published figures of the baseline and of the methods searched; none where the data's options are not the usual ones."""
    if not _is_usual(spec.dataset):
        return []
    wanted = {_plain(name) for name in (_BASELINE, *spec.spaces)}
    found: dict[str, Figure] = {}
    for figure in _all(_plain(spec.dataset.name)):
        if _plain(figure.method) in wanted:
            found.setdefault(_plain(figure.method), figure)
    return list(found.values())


@cache
def _all(dataset: str) -> list[Figure]:
    """Of a dataset, the main tables first."""
    found = []
    for file in sorted(shipped("pipelines").glob("published/*.csv"), reverse=True):
        table = pd.read_csv(file)
        own = table[table["dataset"].map(_plain) == dataset]
        for method, rows in own.groupby("method", sort=False):
            means = dict(_share(metric, mean) for metric, mean in zip(rows["metric"], rows["mean"], strict=True))
            found.append(Figure(str(method), file.stem, means))
    return found


def _share(metric: str, mean: float) -> tuple[str, float]:
    """A score by its name, from 0 to 1: metrics in percent say so."""
    return (metric.removesuffix("_pct"), mean / 100) if metric.endswith("_pct") else (metric, mean)


def _is_usual(dataset: PlugIn) -> bool:
    try:
        declared = Dataset.load(dataset.name).declared()
    except FairtuneError:
        return False
    return all(
        dataset.options[name] == hyperparameter.default
        for name, hyperparameter in declared.items()
        if name in dataset.options and name not in _OURS
    )


def _plain(name: object) -> str:
    """A name without what differs between ways of writing it."""
    return re.sub(r"[^a-z0-9+]", "", str(name).lower())
