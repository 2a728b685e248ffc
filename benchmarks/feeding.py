"""Whether many trials at a time are fed without gaps: 64 workers on this machine, whose trials sleep where others would compute.

    python -m benchmarks.feeding [--at-a-time 64] [--trials 256] [--epochs 5] [--epoch-s 6] [--sampler tpe] [--train]

Each trial asks Ray for a 64th of this machine's processors and sleeps in each epoch as long as one on a GPU might take, half as
long to one and a half times. Its worker is a process of Ray's own, without torch, of which a machine holds few: its results are
made of the baseline's. With ``--train`` each is a real worker that trains digits besides. A worker's gap is the time from the end
of the last sleep of one of its trials to the first of its next one, for which a result has to be told, kept in the study and
MLflow, and a setting asked for and handed over; beside it stands the time between two sleeps of one trial, which is what a report
takes, and so what a gap would be if all that took no time. Counted from when every worker sleeps to when the last trial is handed
out. Busy is the share of the workers' time in these bounds that is sleep, and the most that it could be without any gap between
trials. With ``--train`` the search is confirmed too; without it ends where that would begin.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import torch

from benchmarks._sleeper import NOTES, RESULT, Sleeper, sleep_an_epoch
from fairtune.errors import Interrupted
from fairtune.methods import Loop, Method, Progress
from fairtune.records import Purpose
from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.search.plan import Plan
from fairtune.search.run import run_search
from fairtune.space import Real, hyperparameter
from fairtune.spec import Place, SearchSpec
from fairtune.study.folders import RunFolder
from fairtune.study.jobs import Job
from fairtune.study.study import SearchStudy
from fairtune.tracking.mirror import Tracker
from fairtune.training.folder import baseline_folder
from fairtune.training.trial import Trial, run_trial


@dataclass
class Sleeping(Method):
    """Sleeps at the start of each epoch."""

    pace: float = hyperparameter(1.0, Real(low=0.5, high=1.5), search=Real(low=0.5, high=1.5), help="times the usual length")
    epoch_s: float = hyperparameter(1.0, Real(low=0, high=1000), help="usual length of an epoch")

    def begin_epoch(self, loop: Loop, progress: Progress) -> None:
        """Sleep, and note when."""
        sleep_an_epoch(progress.epoch, self.pace * self.epoch_s)


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
    parser.add_argument("--train", action="store_true", help="workers that train, at about 0.5 GiB each")
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
        with Tracker(spec, place, study) as tracker:
            if given.train:
                run_search(spec, place, study, [tracker])
            else:
                run_asleep(spec, place, study, tracker, Path(scratch) / "result.json")
        told(sleeps_of(notes), given.trials)


class _UntilTrialsAreOver(Plan):
    """A search that ends where its confirmation would begin."""

    def _next_final(self) -> Job | None:
        raise Interrupted("the trials are over")


def run_asleep(spec: SearchSpec, place: Place, study: SearchStudy, tracker: Tracker, result: Path) -> None:
    """Run the trials of a search, whose baseline is really trained, on workers that sleep.

    Args:
        spec, place, study, tracker: of the search.
        result: a file that is written here for the workers.
    """
    folder = baseline_folder(Path(place.runs), spec.baseline())
    purpose, cpu = Purpose.PROBED, torch.device("cpu")
    trained = run_trial(
        Trial(spec.baseline(), folder, data_root=Path(place.data), runs=Path(place.runs), device=cpu, purpose=purpose)
    )
    result.write_text(trained.model_dump_json())
    os.environ[RESULT] = str(result)
    with (
        mock.patch("fairtune.search.run.TrialTrainable", Sleeper),
        mock.patch("fairtune.search.run.Plan", _UntilTrialsAreOver),
        suppress(Interrupted),
    ):
        run_search(spec, place, study, [tracker])


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
