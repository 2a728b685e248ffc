"""How often the 95 % intervals hold the true score, and how wide they are.

    python benchmarks/coverage.py [--draws 400] [--score deo_m] [--seeds 1] [--accuracy 0.85] [--beside 300]

Two groups; 2 and 10 classes; an accuracy of 0.85, if not said otherwise, less the gap in one group, in all classes or in one;
mistakes spread evenly over the other classes; cells of 10 to 1,000 samples, or with ``--beside`` of so many in the group without
the gap. Each cell of the table: the share of intervals that hold the truth / their mean
width / the width of an oracle's, who knows the true rates and takes the 2.5 and 97.5 % quantiles of the score's error / the mean
error of the published score / that of the estimate beside it.

With ``--seeds`` above 1 that many models are drawn whose true rates scatter by 0.02, and what is to be held is the true score of
one more.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
from rich.console import Console
from rich.table import Table

from fairtune.metrics import SCORES, Score
from fairtune.records import Floats, GroupCounts, Ints

CELLS, GAPS, SCATTER, ORACLE = (10, 30, 100, 300, 1000), (0.0, 0.05, 0.2, 0.4), 0.02, 2000


def recalls(classes: int, where: str, gap: float, accuracy: float) -> Floats:
    """True accuracy of each cell ``(2, K)``."""
    found = np.full((2, classes), accuracy)
    found[1, : classes if where == "all" else 1] -= gap
    return found


def shares(recall: Floats) -> Floats:
    """True share of each prediction in each cell ``(2, K, K)``."""
    classes = recall.shape[1]
    found: Floats = recall[..., None] * np.eye(classes) + (1 - recall[..., None]) * (1 - np.eye(classes)) / (classes - 1)
    return found


def counts(table: Ints) -> GroupCounts:
    """Group counts of a table of predictions."""
    return GroupCounts(table, table.astype(float))


def cell(
    score: Score, recall: Floats, sizes: tuple[int, int], draws: int, seeds: int, rng: np.random.Generator
) -> tuple[float, str]:
    """Coverage, and the text of one cell of the table; ``sizes`` are those of the two groups' cells."""
    samples = np.array(sizes)[:, None]
    truth = score.of(counts(np.round(shares(recall) * 10**9).astype(np.int64)))
    errors = [score.of(counts(rng.multinomial(samples, shares(recall)))) - truth for _ in range(ORACLE)]
    oracle = float(np.ptp(np.quantile(errors, [0.025, 0.975])))
    held, width, estimate, published = [], [], [], []
    for _ in range(draws):
        scatter = rng.normal(0, SCATTER if seeds > 1 else 0.0, (seeds + 1, *recall.shape))
        rates = [shares(np.clip(recall + one, 0, 1)) for one in scatter]
        models = [counts(rng.multinomial(samples, one)) for one in rates[1:]]
        found = score.over(models, [score.of(model) for model in models])
        goal = truth if seeds == 1 else score.of(counts(np.round(rates[0] * 10**9).astype(np.int64)))
        held.append(found.low - 1e-6 <= goal <= found.high + 1e-6)
        width.append(found.high - found.low)
        published.append(found.mean - truth)
        estimate.append(found.estimate - truth)
    share = float(np.mean(held))
    means = f"{np.mean(width):.2f} / {oracle:.2f} / {np.mean(published):+.3f} / {np.mean(estimate):+.3f}"
    return share, f"{share:.3f} / {means}"


def settings() -> Iterator[tuple[int, str, float]]:
    """Classes, where the gap is, and the gap."""
    for classes in (2, 10):
        for where in ("all", "one"):
            yield from ((classes, where, gap) for gap in GAPS if gap or where == "all")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--score", default="deo_m", choices=[name for name, score in SCORES.items() if score.source == "counts"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--accuracy", type=float, default=0.85)
    parser.add_argument("--beside", type=int, help="samples of the other group's cells; as many as in these if not said")
    given = parser.parse_args()
    score, rng, began = SCORES[given.score], np.random.default_rng(0), time.perf_counter()
    table = Table(title=f"{score.label}, {given.seeds} seed{'s' * (given.seeds > 1)}", box=None, header_style="bold")
    for title in ("classes", "gap in", "gap", *(f"cells of {samples}" for samples in CELLS)):
        table.add_column(title)
    least = 1.0
    for classes, where, gap in settings():
        if score.two_classes and classes > 2:
            continue
        recall = recalls(classes, where, gap, given.accuracy)
        row = [cell(score, recall, (given.beside or n, n), given.draws, given.seeds, rng) for n in CELLS]
        least = min(least, *(share for share, _ in row))
        table.add_row(str(classes), where, f"{gap:g}", *(text for _, text in row))
    console = Console(width=300)
    console.print(table)
    console.print(f"least coverage {least:.3f}, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
