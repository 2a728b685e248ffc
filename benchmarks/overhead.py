"""What a search costs beyond training: 40 near-empty trials of one epoch, two at a time, with the study and MLflow written.

Run with ``python benchmarks/overhead.py``. The clock runs from the first trial handed out to the last one told, start-up of Ray
and the baseline left out, the second worker's start-up left in. Overhead per trial is the wall time less the training time of
the workers, over the number of trials; the aim is 0.3 s at most.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from fairtune.options import Floor
from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.search.run import run_search
from fairtune.spec import TrialResult
from fairtune.study.folders import RunFolder
from fairtune.study.jobs import Job
from fairtune.study.opening import Opening
from fairtune.study.record import Record
from fairtune.study.study import SearchStudy
from fairtune.tracking.mirror import Tracker
from fairtune.training.steps import Step

TRIALS, WORKERS = 40, 2


class Clock:
    """Notes when trials start and end, and how long they trained."""

    def __init__(self) -> None:
        self.began: list[float] = []
        self.ended: list[float] = []
        self.trained_s = 0.0

    def baseline_ready(self, result: TrialResult, floor: float, *, found: bool) -> None:
        """Not timed."""

    def reopened(self, openings: Sequence[Opening]) -> None:
        """Not timed."""

    def job_started(self, job: Job) -> None:
        """Note the start of a trial."""
        if job.kind == "trial":
            self.began.append(time.perf_counter())

    def job_progressed(self, job: Job, result: TrialResult) -> None:
        """Not timed."""

    def job_stepped(self, job: Job, step: Step) -> None:
        """Not timed."""

    def job_finished(self, job: Job, result: TrialResult, record: Record | None) -> None:
        """Note the end of a trial."""
        if job.kind == "trial":
            self.ended.append(time.perf_counter())
            self.trained_s += sum(epoch.seconds for epoch in result.history)

    def confirming(self, roles: Mapping[str, int], jobs: Sequence[Job]) -> None:
        """Not timed."""

    def interrupted(self) -> None:
        """Not timed."""


def main() -> None:
    with tempfile.TemporaryDirectory() as runs:
        request = Request(
            method="mfd",
            trials=TRIALS,
            epochs=1,
            final_seeds=1,
            runs=runs,
            name="overhead",
            max_concurrent=WORKERS,
            accuracy_floor=Floor.parse("0"),
        )
        spec, place = resolve(request)
        folder = RunFolder(Path(runs) / "overhead")
        folder.save(spec, place)
        study = SearchStudy(folder.study, spec)
        clock = Clock()
        run_search(spec, place, study, [clock, Tracker(spec, place, study)])
    wall = clock.ended[-1] - clock.began[0]
    overhead = (wall - clock.trained_s / WORKERS) / TRIALS
    print(f"{TRIALS} trials, {WORKERS} at a time: wall {wall:.2f} s, training {clock.trained_s:.2f} s of both workers together")
    print(f"overhead {overhead:.3f} s per trial (aim: at most 0.3)")
    steady = [end for end in clock.ended if end > clock.ended[4]]
    pace = (steady[-1] - clock.ended[4]) / len(steady)
    print(f"after the first five, with both workers up: {pace:.3f} s per trial, training included")


if __name__ == "__main__":
    main()
