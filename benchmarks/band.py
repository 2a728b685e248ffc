"""How often a band holds the true scores of all nets of a front at once, when the front was picked by the samples that score it.

    python -m benchmarks.band [--draws 200] [--nets 10,100] [--seed 0]

Nets of two groups, their true accuracies scattered by 0.03 and their gaps spread evenly up to 0.2, in all classes or in one, are
scored on the same samples. A sample is difficult for all of them or easy for all: the normal variable that decides whether it is
recognised is shared to a half. The front is of the nets that no other one beats in accuracy and DEO_M as measured. Each cell of the
table: the share of fronts of which every net's true accuracy and DEO_M lie in its rectangle / the mean width in accuracy / that in
DEO_M; first with 95 % for each interval alone, then with the risk shared among the intervals of the front, then among those of all
nets, as :func:`fairtune.metrics.within_at_once` has it.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.special import ndtri

from fairtune.metrics import SCORES, non_dominated, within_at_once
from fairtune.records import Floats, GroupCounts, Ints

CELLS, SHARED, SCATTER, GAP = (10, 30, 100, 300), 0.5, 0.03, 0.2
PLANE = (SCORES["accuracy"], SCORES["deo_m"])
SETTINGS = ((2, "one"), (10, "all"), (10, "one"))


def true_recalls(nets: int, classes: int, where: str, rng: np.random.Generator) -> Floats:
    """True accuracy of each cell of each net ``(nets, 2, K)``."""
    found = np.repeat(rng.normal(0.85, SCATTER, (nets, 1, 1)), 2, axis=1).repeat(classes, axis=2)
    found[:, 1, : classes if where == "all" else 1] -= rng.uniform(0, GAP, (nets, 1))
    return np.clip(found + rng.normal(0, SCATTER / 3, found.shape), 0, 1)


def counted(right: Ints, of_all: int) -> GroupCounts:
    """Group counts; every mistake is the next class."""
    kinds = np.eye(right.shape[1], dtype=np.int64)
    hard = right[..., None] * kinds + (of_all - right)[..., None] * np.roll(kinds, 1, axis=1)
    return GroupCounts(hard, hard.astype(float))


def scored(recalls: Floats, samples: int, rng: np.random.Generator) -> list[GroupCounts]:
    """Every net on the same samples."""
    difficulty = np.sqrt(SHARED) * rng.normal(size=(*recalls.shape[1:], samples))
    own = np.sqrt(1 - SHARED)
    rights = ((difficulty + own * rng.normal(size=difficulty.shape) < ndtri(net)[..., None]).sum(axis=2) for net in recalls)
    return [counted(right, samples) for right in rights]


def held(nets: list[GroupCounts], recalls: Floats) -> list[tuple[bool, Floats]]:
    """For each way of sharing the risk, whether the whole front is held, and the mean widths."""
    values = np.array([[score.of(counts) for score in PLANE] for counts in nets])
    front = np.flatnonzero(non_dominated(values, PLANE))
    large = 10**9
    truths = [[score.of(counted(np.rint(recalls[net] * large).astype(np.int64), large)) for score in PLANE] for net in front]
    found = []
    for among in (1, len(PLANE) * len(front), len(PLANE) * len(nets)):
        of = [[within_at_once(one, [nets[net]], [values[net, m]], among=among) for m, one in enumerate(PLANE)] for net in front]
        low, _, high = np.moveaxis(np.array(of), 2, 0)
        found.append((bool(((low - 1e-6 <= truths) & (truths <= high + 1e-6)).all()), (high - low).mean(axis=0)))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--nets", default="10,100", help="how many the front is picked from")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng, began, least = np.random.default_rng(given.seed), time.perf_counter(), 1.0
    table = Table(title="each alone | shared among the front | shared among all", box=None, header_style="bold")
    for title in ("nets", "classes", "gap in", *(f"cells of {samples}" for samples in CELLS)):
        table.add_column(title)
    for nets in map(int, given.nets.split(",")):
        for classes, where in SETTINGS:
            row = []
            for samples in CELLS:
                drawn = []
                for _ in range(given.draws):
                    recalls = true_recalls(nets, classes, where, rng)
                    drawn.append(held(scored(recalls, samples, rng), recalls))
                ways = [[draw[way] for draw in drawn] for way in range(3)]
                least = min(least, float(np.mean([whole for whole, _ in ways[2]])))
                row.append(" | ".join(told(way) for way in ways))
            table.add_row(str(nets), str(classes), where, *row)
    console = Console(width=240)
    console.print(table)
    console.print(f"least coverage with the risk shared among all {least:.3f}, {time.perf_counter() - began:.0f} s")


def told(way: list[tuple[bool, Floats]]) -> str:
    """Coverage and mean widths."""
    accuracy, gap = np.mean([widths for _, widths in way], axis=0)
    return f"{np.mean([whole for whole, _ in way]):.2f} / {accuracy:.2f} / {gap:.2f}"


if __name__ == "__main__":
    main()
