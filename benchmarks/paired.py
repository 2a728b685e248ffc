"""How often the 95 % intervals of a difference of two settings hold the true one, with samples paired and with seeds alone.

    python benchmarks/paired.py [--draws 200] [--score deo_m] [--seed 0]

Two settings are retrained on some seeds each, whose true rates scatter by 0.02, and scored on the same samples. A sample is
difficult for all models or easy for all: the normal variable that decides whether it is recognised is shared to a half. One
setting treats all groups alike; the other has a gap in one class, in all classes, or none. What is to be held is the difference of
the two mean true scores over retrainings. Each cell of the table: the share of intervals that hold it / their mean width / the
share whose p-value is below 0.05, first with samples and seeds paired, then with seeds alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.special import ndtri

from fairtune.metrics import SCORES, Difference, Limits, NetScore, Score, compare
from fairtune.records import Floats, GroupCounts

CELLS, SEEDS, SCATTER, SHARED, MODELS = (30, 100, 300), (1, 2, 4), 0.02, 0.5, 4000
SETTINGS = ((2, "all", 0.0), (2, "one", 0.2), *((10, *one) for one in (("all", 0.0), ("all", 0.05), ("all", 0.2), ("one", 0.2))))


def recalls(classes: int, where: str, gap: float) -> Floats:
    """True accuracy of each cell ``(2, K)``."""
    found = np.full((2, classes), 0.85)
    found[1, : classes if where == "all" else 1] -= gap
    return found


def scattered(recall: Floats, rng: np.random.Generator) -> Floats:
    """That of one retrained model."""
    return np.clip(recall + rng.normal(0, SCATTER, recall.shape), 0, 1)


def mean_score(score: Score, recall: Floats, rng: np.random.Generator) -> float:
    """The mean true score over retrainings."""
    large = 10**6

    def one() -> float:
        right = np.rint(scattered(recall, rng) * large).astype(np.int64)
        return score.of(counted(right, large))

    return float(np.mean([one() for _ in range(MODELS)]))


def counted(right: np.typing.NDArray[np.int64], of_all: int) -> GroupCounts:
    """Group counts; every mistake is the next class."""
    classes = right.shape[1]
    follows = np.roll(np.eye(classes, dtype=np.int64), 1, axis=1)
    hard = right[..., None] * np.eye(classes, dtype=np.int64) + (of_all - right)[..., None] * follows
    return GroupCounts(hard, hard.astype(float))


def models(score: Score, recall: Floats, difficulty: Floats, seeds: int, rng: np.random.Generator) -> list[NetScore]:
    """NetScore models scored on the samples of this difficulty ``(2, K, n)``."""
    found, labels = [], np.arange(recall.shape[1])[:, None]
    for _ in range(seeds):
        met = np.sqrt(SHARED) * difficulty + np.sqrt(1 - SHARED) * rng.normal(size=difficulty.shape)
        right = met < ndtri(scattered(recall, rng))[..., None]
        answers = np.where(right, labels, (labels + 1) % recall.shape[1])
        counts = counted(right.sum(axis=2), difficulty.shape[2])
        found.append(NetScore(counts, score.of(counts), answers.ravel()))
    return found


def known_limits(score: Score) -> Score:
    """The same score, its limits worked out once for counts that come twice, as with samples paired and with seeds alone."""
    limits = score.limits
    if limits is None:
        return score
    once = lru_cache(1 << 12)(_once(limits))
    return replace(score, limits=lambda counts, level, **more: once(counts.hard.tobytes(), counts.hard.shape, level, **more))


def _once(limits: Callable[..., Limits]) -> Callable[..., Limits]:
    def of(table: bytes, shape: tuple[int, ...], level: float, **more: str) -> Limits:
        hard = np.frombuffer(table, dtype=np.int64).reshape(shape)
        return limits(GroupCounts(hard, hard.astype(float)), level, **more)

    return of


def told(found: list[Difference], truth: float) -> tuple[float, str]:
    """Coverage, and the text of one half of a cell."""
    share = float(np.mean([one.low - 1e-9 <= truth <= one.high + 1e-9 for one in found]))
    width = np.mean([one.high - one.low for one in found])
    return share, f"{share:.3f} / {width:.2f} / {np.mean([one.p_value < 0.05 for one in found]):.2f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--score", default="deo_m", choices=[name for name, score in SCORES.items() if score.source == "counts"])
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn; the correction was chosen by the draws of 0")
    given = parser.parse_args()
    score, rng, began, least = known_limits(SCORES[given.score]), np.random.default_rng(given.seed), time.perf_counter(), 1.0
    table = Table(title=f"{score.label}: samples and seeds paired | seeds alone", box=None, header_style="bold")
    for title in ("classes", "gap in", "gap", "seeds", *(f"cells of {samples}" for samples in CELLS)):
        table.add_column(title)
    for classes, where, gap in SETTINGS:
        fair, other = recalls(classes, where, 0.0), recalls(classes, where, gap)
        truth = mean_score(score, fair, rng) - mean_score(score, other, rng)
        for seeds in SEEDS:
            row = []
            for samples in CELLS:
                pairs = []
                for _ in range(given.draws):
                    difficulty = rng.normal(size=(*fair.shape, samples))
                    pairs.append([models(score, recall, difficulty, seeds, rng) for recall in (fair, other)])
                paired, text = told([compare(score, *pair) for pair in pairs], truth)
                unpaired = [[[model._replace(answers=None) for model in side] for side in pair] for pair in pairs]
                least = min(least, paired)
                row.append(f"{text} | {told([compare(score, *pair) for pair in unpaired], truth)[1]}")
            table.add_row(str(classes), where, f"{gap:g}", str(seeds), *row)
    console = Console(width=200)
    console.print(table)
    console.print(f"least coverage of paired samples {least:.3f}, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
