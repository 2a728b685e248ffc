"""Whether many trials at a time are fed without gaps: 64 workers on this machine, whose trials sleep where others would compute.

    python -m benchmarks.feeding [--at-a-time 64] [--trials 256] [--epochs 5] [--epoch-s 6] [--sampler tpe]

Each trial asks Ray for a 64th of this machine's processors, trains digits for some epochs, and sleeps in each as long as an epoch
on a GPU might take, half as long to one and a half times. A worker's gap is the time from the end of the last sleep of one of its
trials to the first of its next one, for which a result has to be told, kept in the study and MLflow, and a setting asked for and
handed over; beside it stands the time between two sleeps of one trial, which is what an epoch of digits and its report take, and
so what a gap would be if all that took no time. Counted from when every worker sleeps to when the last trial is handed out. Busy
is the share of the workers' time in these bounds that is sleep, and the most that it could be without any gap between trials.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fairtune.methods import Loop, Method, Progress
from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.search.run import run_search
from fairtune.space import Real, hyperparameter
from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from fairtune.tracking.mirror import Tracker

NOTES = "FAIRTUNE_FEEDING_NOTES"
"""Variable that names the folder in which each worker notes its sleeps."""


@dataclass
class Sleeping(Method):
    """Sleeps at the start of each epoch."""

    pace: float = hyperparameter(1.0, Real(low=0.5, high=1.5), search=Real(low=0.5, high=1.5), help="times the usual length")
    epoch_s: float = hyperparameter(1.0, Real(low=0, high=1000), help="usual length of an epoch")

    def begin_epoch(self, loop: Loop, progress: Progress) -> None:
        """Sleep, and note when."""
        began = time.time()
        time.sleep(self.pace * self.epoch_s)
        with (Path(os.environ[NOTES]) / str(os.getpid())).open("a") as file:
            file.write(f"{progress.epoch} {began} {time.time()}\n")


class Sleep(NamedTuple):
    """One epoch of a worker's trial."""

    epoch: int
    began: float
    ended: float


def sleeps_of(folder: Path) -> list[list[Sleep]]:
    """What each worker noted, in order."""
    lines = [file.read_text().split("\n")[:-1] for file in sorted(folder.iterdir())]
    return [[Sleep(int(epoch), float(began), float(ended)) for epoch, began, ended in map(str.split, one)] for one in lines]


def main() -> None:
    """Search, and print the gaps."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--at-a-time", type=int, default=64)
    parser.add_argument("--trials", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=5, help="2 at least")
    parser.add_argument("--epoch-s", type=float, default=6.0)
    parser.add_argument("--sampler", default="tpe")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        notes = Path(scratch) / "notes"
        notes.mkdir()
        os.environ |= {NOTES: str(notes), "OMP_NUM_THREADS": "1"}
        request = Request.read(
            {
                "method": "benchmarks.feeding:Sleeping",
                "set": [f"epoch_s={given.epoch_s}"],
                "trials": given.trials,
                "epochs": given.epochs,
                "sampler": given.sampler,
                "scheduler": "none",
                "final_seeds": 1,
                "runs": f"{scratch}/runs",
                "name": "feeding",
                "max_concurrent": given.at_a_time,
                "cpus_per_trial": (os.cpu_count() or 1) / given.at_a_time,
                "memory_per_trial": 0,
                "accuracy_floor": "0",
            }
        )
        spec, place = resolve(request)
        folder = RunFolder.of(place)
        folder.save(spec, place)
        study = SearchStudy(folder.study, spec)
        run_search(spec, place, study, [Tracker(spec, place, study)])
        told(sleeps_of(notes), given.trials)


def told(workers: list[list[Sleep]], trials: int) -> None:
    """Print what the workers' notes say."""
    starts = sorted(sleep.began for sleeps in workers for sleep in sleeps if sleep.epoch == 0)
    began, ended = max(sleeps[0].began for sleeps in workers), starts[trials - 1]
    between: list[float] = []
    within: list[float] = []
    asleep = 0.0
    for sleeps in workers:
        asleep += sum(max(0.0, min(sleep.ended, ended) - max(sleep.began, began)) for sleep in sleeps)
        for one, other in itertools.pairwise(sleeps):
            if began <= other.began <= ended:
                (between if other.epoch == 0 else within).append(other.began - one.ended)
    busy = asleep / (len(workers) * (ended - began))
    lost = sum(between) - statistics.mean(within) * len(between)
    print(f"{len(workers)} workers for {ended - began:.0f} s, {len(between)} times handed a next trial")
    for name, seconds in (("between trials", between), ("between epochs", within)):
        print(f"{name}: median {statistics.median(seconds):.2f} s, 95 % below {statistics.quantiles(seconds, n=20)[-1]:.2f} s")
    print(f"busy {busy:.1%} of the time; {lost / (len(workers) * (ended - began)):.1%} more if handing over took no time")


if __name__ == "__main__":
    main()
