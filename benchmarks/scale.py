"""What a study of many trials costs: asking, telling, memory, disk, going on with it, and its report.

    python benchmarks/scale.py [--trials 10000] [--samplers tpe,nsga2,random] [--runs FOLDER]

A search of MFD on digits, without Ray: its baseline is really trained, and what comes of a trial is made up from that training's
20 epochs and counts. A study is filled by its own ``ask`` and ``tell``, quickly (nothing waits for the disk), and measured with
a disk that is waited for at 100, 1,000, ... trials: the plan's ``next()`` and ``finish()`` for 50 trials. NSGA-II fills its own
study; TPE and chance share one, since they need no marks on their trials; ``gp`` takes seconds to ask by its nature and is
measured at 200 trials. Each row is of a process of its own; its memory is the resident set at the most, of which an empty search
takes what the table says for 100 trials. Aims: ``next()`` and ``finish()`` at most 50 ms (median), 1 GiB of memory, 10 s to go on
with the search, 20 s for ``fairtune report``. Beside each median stands what 95 % stay below, and the median of the processor's
time, which busy neighbours and disks hardly change.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import torch
from sqlalchemy import event
from sqlalchemy.engine import Engine

from fairtune.records import Purpose
from fairtune.report import write_report
from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.search.plan import Plan
from fairtune.spec import Place, SearchSpec, TrialResult, TrialSpec
from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from fairtune.training.folder import baseline_folder
from fairtune.training.trial import Trial, run_trial

P = ParamSpec("P")
T = TypeVar("T")
EPOCHS, MEASURED, MOST_GP = 20, 50, 200
MIB = 2**20


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        runs = Path(arguments.runs or scratch)
        titles = "sampler, trials, next() ms, 95 %, busy, finish() ms, 95 %, busy, open s, opened MiB, peak, study.db, details MiB"
        _print_row(*titles.split(", "))
        for sampler, size in _stages(arguments.samplers.split(","), arguments.trials):
            run = sampler if sampler in ("nsga2", "gp") else "random"
            _apart(_fill, runs, run, arguments.trials, size)
            _print_row(sampler, f"{size:,}", *_apart(_measure, runs, run, sampler, arguments.trials))
        for run in sorted(path.name for path in runs.iterdir() if (path / "study.db").exists()):
            print(f"{run}: write_report {_apart(_report, runs, run, arguments.trials):.1f} s,", end=" ")
            began = time.perf_counter()
            command = Path(sys.executable).with_name("fairtune")
            subprocess.run([command, "report", str(runs / run)], check=True, capture_output=True)
            print(f"fairtune report {time.perf_counter() - began:.1f} s")


def _print_row(*cells: str) -> None:
    """One line of the table, as soon as it is known."""
    print(*(cell.rjust(11) for cell in cells), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--samplers", default="tpe,nsga2,random")
    parser.add_argument("--runs", help="a folder whose studies are gone on with and kept")
    return parser.parse_args()


def _stages(samplers: list[str], trials: int) -> Iterator[tuple[str, int]]:
    """Each sampler at each size, the sizes rising, so that one study serves all of them."""
    sizes = [size for size in (100, 1_000, 10_000, 100_000) if size < trials]
    for size in [*sizes, trials]:
        yield from ((sampler, size) for sampler in samplers if sampler != "gp" and size <= trials)
    if "gp" in samplers:
        yield "gp", min(MOST_GP, trials)


def _apart(function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Call a function in a process of its own, so that memory is its own too."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **options).result()


def _search(runs: Path, run: str, sampler: str, trials: int) -> tuple[SearchSpec, Place]:
    asked = {"method": "mfd", "trials": 2 * trials, "epochs": EPOCHS, "sampler": sampler, "runs": str(runs), "name": run}
    folder = RunFolder(runs / run)
    if not folder.study.exists():
        spec, place = resolve(Request.read(asked | {"accuracy_floor": "0.5", "set": ["mfd.weight=0.001..1000", "lr=0.0001..0.1"]}))
        folder.save(spec, place)
        if baseline_folder(runs, spec.baseline()).read_trained() is None:
            run_trial(_training(spec.baseline(), place))
        SearchStudy(folder.study, spec)
    spec, place = folder.load()
    return spec.model_copy(update={"sampler": sampler}), place


def _training(spec: TrialSpec, place: Place) -> Trial:
    runs = Path(place.runs)
    return Trial(spec, baseline_folder(runs, spec), data_root=runs, runs=runs, device=torch.device("cpu"), purpose=Purpose.PROBED)


def _fill(runs: Path, run: str, trials: int, size: int) -> None:
    """Fill a study up to a size."""
    spec, place = _search(runs, run, run, trials)
    with _nothing_waits_for_the_disk():
        study = SearchStudy(RunFolder(runs / run).study, spec)
        if study.baseline is None:
            Plan(spec, place, study).next()
        assert study.baseline is not None
        while study.asked < size and (asked := study.ask()) is not None:
            number, method, values = asked
            study.tell(number, _outcome(study.baseline.result, spec.trial(method, values, needs_baseline=True)))


def _finish_next(plan: Plan) -> tuple[float, float, float, float]:
    """Seconds of ``next()`` for one trial, those of the processor, and the same of ``finish()``."""
    asking = _Watch()
    job = plan.next()
    asked = asking.read()
    assert not isinstance(job, str), job
    assert plan.study.baseline is not None
    result = _outcome(plan.study.baseline.result, job.spec)
    job.folder.keep_trained(lambda path: path.write_bytes(bytes(1000)), result)
    telling = _Watch()
    plan.finish(job, result)
    return *asked, *telling.read()


class _Watch:
    """Begins to count when it is made."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Seconds that have passed, and those of the processor."""
        return time.perf_counter() - self._began[0], time.process_time() - self._began[1]


def _outcome(baseline: TrialResult, spec: TrialSpec) -> TrialResult:
    """A training of as many numbers as the baseline's, whose scores follow from its values, roughly."""
    chance = random.Random(spec.id)
    share = chance.random()
    scores = {
        "accuracy": 0.6 + 0.3 * share + 0.02 * chance.gauss(0, 1),
        "deo_m": abs(0.1 + 0.5 * share**2 + 0.05 * chance.gauss(0, 1)),
    }
    update = {"spec": spec, "val": baseline.val | scores, "history": _noisy(baseline, chance)}
    return TrialResult.model_validate_json(baseline.model_copy(update=update).model_dump_json())


def _noisy(baseline: TrialResult, chance: random.Random) -> tuple[Any, ...]:
    def other(scores: dict[str, float]) -> dict[str, float]:
        return {name: value * chance.uniform(0.9, 1.1) for name, value in scores.items()}

    return tuple(epoch.model_copy(update={"losses": other(epoch.losses), "val": other(epoch.val)}) for epoch in baseline.history)


@contextmanager
def _nothing_waits_for_the_disk() -> Iterator[None]:
    def do_not_wait(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=OFF")

    event.listen(Engine, "connect", do_not_wait)
    waits, os.fsync = os.fsync, lambda fd: None
    try:
        yield
    finally:
        event.remove(Engine, "connect", do_not_wait)
        os.fsync = waits


def _measure(runs: Path, run: str, sampler: str, trials: int) -> list[str]:
    spec, place = _search(runs, run, sampler, trials)
    database = RunFolder(runs / run).study
    began = time.perf_counter()
    study = SearchStudy(database, spec)
    plan = Plan(spec, place, study)
    opened = time.perf_counter() - began
    memory = _peak_mib()
    _finish_next(plan)
    seconds = [_finish_next(plan) for _ in range(MEASURED)]
    asked, asked_busy, told, told_busy = zip(*seconds, strict=True)
    times = [statistics.median(asked), _high(asked), statistics.median(asked_busy)]
    times += [statistics.median(told), _high(told), statistics.median(told_busy)]
    sizes = [path.stat().st_size / MIB if path.exists() else 0 for path in (database, database.with_name("study.details"))]
    shown = [f"{1e3 * figure:.1f}" for figure in times]
    return [*shown, f"{opened:.1f}", f"{memory:.0f}", f"{_peak_mib():.0f}", *(f"{size:.1f}" for size in sizes)]


def _high(seconds: tuple[float, ...]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _report(runs: Path, run: str, trials: int) -> float:
    spec, place = _search(runs, run, run, trials)
    began = time.perf_counter()
    write_report(spec, place, SearchStudy(RunFolder(runs / run).study, spec))
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
