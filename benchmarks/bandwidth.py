"""MFD's kernel bandwidth as the papers' code takes it, one per batch, and as the paper's text has it, one per cell.

    python benchmarks/bandwidth.py [--seeds 3]

The embedded digits; the model cnn with batches of 128 and mlp with the dataset's 64; MFD weights over the searched range. Printed
are test accuracy and DEO_M, mean ± standard deviation over the seeds.

Expect the bandwidth of the batch to train at every weight. That of the cell follows a shrinking student down, so that with a
large weight the student collapses: accuracy at chance, 0.1, and a DEO_M of 0 or 1 that says nothing about fairness.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from _timing import machine
from _trials import SHOWN, baseline_scores, digits, mfd_scores, spread
from rich.console import Console
from rich.table import Table

from fairtune.space import Value
from fairtune.training.device import resolve_precision

WEIGHTS = (0.1, 0.3, 1.0, 3.0, 10.0)
BANDWIDTHS = ("batch", "cell")


def compare(model: str, batch_size: int | None, seeds: int, runs: Path) -> Table:
    """Scores of one model by weight and bandwidth."""
    columns = [f"{title}, {bandwidth}" for bandwidth in BANDWIDTHS for title in SHOWN.values()]
    table = Table("weight", *columns, title=f"{model}, {seeds} seeds", title_justify="left")
    precision = resolve_precision("auto", torch.device("cpu"))
    searches = [digits(model, seed=seed, precision=precision, batch_size=batch_size) for seed in range(seeds)]
    plain = [baseline_scores(search, runs) for search in searches]
    table.add_row("baseline", *(spread([scores[score] for scores in plain]) for _ in BANDWIDTHS for score in SHOWN))
    for weight in WEIGHTS:
        row = []
        for bandwidth in BANDWIDTHS:
            values: dict[str, Value] = {"mfd.weight": weight, "mfd.bandwidth": bandwidth}
            found = [mfd_scores(search, values, runs) for search in searches]
            row += [spread([scores[score] for scores in found]) for score in SHOWN]
        table.add_row(f"{weight:g}", *row)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0, 1, ... are trained")
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    console = Console(width=120)
    console.print(machine())
    with tempfile.TemporaryDirectory() as runs:
        for model, batch_size in (("cnn", 128), ("mlp", None)):
            console.print(compare(model, batch_size, seeds, Path(runs)))


if __name__ == "__main__":
    main()
