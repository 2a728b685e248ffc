"""The tables of the benchmark, for the terminal and the documentation alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from benchmarks.search_efficiency.compare import MEASURES, Result, interval
from benchmarks.search_efficiency.ranking import Row
from benchmarks.search_efficiency.real import Found

Estimate = tuple[float, float, float]


def markdown(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def ranking_table(rows: Iterable[Row]) -> str:
    """How estimates rank."""
    return markdown(
        ("counts", "estimate", "rank correlation", "regret", "different values"),
        ((row.pool, row.estimate, _span(row.correlation, 2), _span(row.regret), f"{row.values:.0f}") for row in rows),
    )


def reached_table(results: Mapping[str, Result], shares: Sequence[float], measure: str) -> str:
    """One measure of every search at every budget."""
    place = MEASURES.index(measure)
    titles = (measure, *(f"{share:.0%} of the epochs" for share in shares))
    return markdown(
        titles,
        (
            (name, *(_span(interval(result.reached[:, budget, place])) for budget in range(len(shares))))
            for name, result in results.items()
        ),
    )


def difference_table(results: Mapping[str, Result], shares: Sequence[float], measure: str, name: str) -> str:
    """One measure of a search less that of each other, repeat by repeat: both searched the same trainings from the same seed."""
    place = MEASURES.index(measure)
    titles = (f"{measure} of {name} less that of", *(f"{share:.0%} of the epochs" for share in shares))
    others = {other: result.reached[:, :, place] for other, result in results.items() if other != name}
    own = results[name].reached[:, :, place]
    return markdown(
        titles,
        ((other, *(_span(interval((own - found)[:, budget])) for budget in range(len(shares)))) for other, found in others.items()),
    )


def speed_table(results: Mapping[str, Result], grid: str) -> str:
    """How long each search takes to volumes that others reach."""
    final = results[grid].final
    spent = np.array([curve[-1, 0] for curve in results[grid].curves])
    rows = []
    for name, result in results.items():
        to_whole, to_grid = result.epochs_to(np.full(len(final), 0.95)), result.epochs_to(final) / spent
        rows.append((name, _median(to_whole), _median(to_grid)))
    return markdown(
        ("search", "share of the table's epochs to 95 % of its volume", f"share of the epochs of {grid} to its volume"), rows
    )


def real_tables(found: Mapping[str, Sequence[Found]], name: str) -> str:
    """The means of real searches, and of one kind less each other's, seed by seed."""
    titles = ("search", *(field.replace("_", " ") for field in Found._fields))
    means = markdown(titles, ((kind, *map(_figure, np.mean(searches, axis=0))) for kind, searches in found.items()))
    own = np.array(found[name])
    less = {kind: own - np.array(searches) for kind, searches in found.items() if kind != name}
    differences = markdown(
        (f"{name} less that of", *titles[1:3]),
        ((kind, _span(interval(values[:, 0])), _span(interval(values[:, 1]))) for kind, values in less.items()),
    )
    return f"{means}\n\n{differences}"


def _figure(value: float) -> str:
    """A score to three places, a count or seconds to none."""
    return f"{value:.3f}" if value <= 1 else f"{value:.0f}"


def _median(values: np.ndarray) -> str:
    found = interval(values, lambda drawn: float(np.quantile(drawn, 0.5, method="higher")))
    return " to ".join(_share(value) for value in found[1:]) + f", median {_share(found[0])}, in {np.isfinite(values).mean():.0%}"


def _share(value: float) -> str:
    return f"{value:.0%}" if np.isfinite(value) else "never"


def _span(found: Estimate, digits: int = 3) -> str:
    mean, low, high = (f"{value:.{digits}f}" for value in found)
    return f"{mean} ({low} to {high})"
