"""How far the times of a plan are from those that trainings then take, for three searches on this machine's CPU.

    python benchmarks/plan.py [--epochs 10] [--trials 6]

Each search is planned, then run for real, two trials at a time. A plan says nothing of starting Ray and MLflow, so compared are
the seconds of the trainings that there were. Other work on the machine spoils both.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fairtune.api.measured import Measured
from fairtune.api.plan import make_plan
from fairtune.api.search import search
from fairtune.api.where import Where
from fairtune.request.options import Request
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.study import SearchStudy

SEARCHES = {
    "mfd, cnn": {"method": "mfd", "model": "cnn"},
    "ad, cnn": {"method": "ad", "model": "cnn"},
    "hkd and at, cnn": {"method": "hkd,at", "model": "cnn"},
}


def trainings_of(run: Path) -> list[float]:
    """Seconds of every training of a search, the baseline's first."""
    spec, place = RunFolder(run).load()
    study = SearchStudy(database_of(place), spec)
    assert study.baseline is not None
    finals = (final.seconds for final in study.finals.values())
    return [study.baseline.result.seconds, *finals, *(record.result.seconds for record in study.records() if record.result)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--trials", type=int, default=6)
    given = vars(parser.parse_args()) | {"gpus_per_trial": 0, "max_concurrent": 2, "accuracy_floor": "0", "final_seeds": 1}
    console, table = Console(width=120), Table("search", "trainings", "planned, s", "took, s", "ratio")
    with tempfile.TemporaryDirectory() as runs:
        for number, (name, options) in enumerate(SEARCHES.items()):
            request = Request.read(given | options | {"runs": runs, "name": f"run-{number}"})
            with Measured.open() as measured:
                plan = make_plan(request, Where(), console, measured)
            search(request, console)
            seconds = trainings_of(Path(runs) / f"run-{number}")
            each = statistics.fmean(one.busy_s for one in plan.methods.values())
            planned, took = plan.baseline.busy_s + (len(seconds) - 1) * each, sum(seconds)
            console.print(f"{name}: planned {planned:.1f} s, took {took:.1f} s")
            table.add_row(name, str(len(seconds)), f"{planned:.1f}", f"{took:.1f}", f"{planned / took:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
