"""Whether bfloat16 trains models as accurate and as fair as float32 does.

    python benchmarks/precision.py [--seeds 5]

The embedded digits, their default settings, the plain baseline and MFD (weight 1), the models mlp and cnn; each seed is trained
in both precisions from the same initial weights on the same batches, MFD from the baseline of its own precision. Printed are
test accuracy and DEO_M, mean ± standard deviation over the seeds, the mean difference and the p-value of a paired t-test.

Expect differences below the spread over the seeds. Of eight comparisons one with p below 0.05 is no surprise: chance alone
yields at least one in a third of all runs.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import torch
from _timing import machine
from _trials import SHOWN, baseline_scores, digits, mfd_scores, spread
from rich.console import Console
from rich.table import Table
from scipy.stats import ttest_rel

from fairtune.spec import Precision

PRECISIONS: tuple[Precision, ...] = ("bf16", "fp32")


def train_all(model: str, seeds: int, runs: Path) -> dict[tuple[str, str], list[dict[str, float]]]:
    """Test scores of every seed, by method and precision."""
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for seed in range(seeds):
        for precision in PRECISIONS:
            search = digits(model, seed=seed, precision=precision)
            found.setdefault(("baseline", precision), []).append(baseline_scores(search, runs))
            found.setdefault(("MFD", precision), []).append(mfd_scores(search, {"mfd.weight": 1.0}, runs))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0, 1, ... are trained")
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    console = Console(width=120)
    console.print(machine())
    table = Table("model", "method", "score", *PRECISIONS, "difference", "p", title=f"digits, {seeds} seeds", title_justify="left")
    with tempfile.TemporaryDirectory() as runs:
        for model in ("mlp", "cnn"):
            found = train_all(model, seeds, Path(runs))
            for method in ("baseline", "MFD"):
                for score, title in SHOWN.items():
                    half, full = ([scores[score] for scores in found[method, precision]] for precision in PRECISIONS)
                    difference = statistics.fmean(half) - statistics.fmean(full)
                    p = ttest_rel(half, full).pvalue if seeds > 1 else float("nan")
                    table.add_row(model, method, title, spread(half), spread(full), f"{difference:+.4f}", f"{p:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
