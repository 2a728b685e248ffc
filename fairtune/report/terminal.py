"""What the user sees while a search runs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fairtune.addresses import shown
from fairtune.datasets import Info
from fairtune.metrics import SCORES, label, name_small_cells, ranked, small_cells
from fairtune.names import counted
from fairtune.records import Ints
from fairtune.report.formats import (
    format_error,
    format_infeasible,
    format_score,
    format_setting,
)
from fairtune.report.official import official_rows
from fairtune.report.progress import format_duration, format_left, format_rate, is_live
from fairtune.report.standing import Standing
from fairtune.rules import objectives_of
from fairtune.samplers import Proposals
from fairtune.spec import Place, SearchSpec, TrialResult
from fairtune.study.folders import RunFolder
from fairtune.study.jobs import Job
from fairtune.study.key import JobKey
from fairtune.study.opening import Opening
from fairtune.study.record import Record
from fairtune.study.study import trials_to_run
from fairtune.training.steps import Step

_SHOWN = 8
_RECENT = 5


class _Phase(NamedTuple):
    """What is being counted: since when, and how many had ended before."""

    what: str
    began: float
    before: int


def print_header(
    console: Console,
    spec: SearchSpec,
    place: Place,
    info: Info,
    cells: Mapping[str, Ints],
    remarks: Sequence[str] = (),
    expected: str | None = None,
    opened: Sequence[Opening] = (),
) -> None:
    """Data and group counts, what is to be said of them, what is searched, the budget and the time, and where things go."""
    title = f"fairtune {spec.methods} on {spec.dataset.name} with {spec.model.name}, run {place.name}"
    console.print(title, style="bold", soft_wrap=True)
    grid = Table.grid(padding=(0, 2))
    for split, counts in cells.items():
        groups = ", ".join(f"{name} {counts[a].sum():,}" for a, name in enumerate(info.groups))
        grid.add_row(split, f"{counts.sum():,} samples ({groups}); {counts.min():,} to {counts.max():,} per (class, group) cell")
    when = ", ".join(opening.when for opening in opened)
    grid.add_row("test", f"opened {when}; trials do not see it" if opened else "sealed until the choice is made")
    for method, space in spec.spaces.items():
        searched = ", ".join(f"{name} {domain}" for name, domain in space.search.items()) or "nothing to search: one setting"
        grid.add_row(method, searched)
    trials = trials_to_run(spec)
    size = f"{counted(trials, 'trial')} of {counted(spec.epochs, 'epoch')}, batches of {spec.batch_size}, {spec.precision}"
    grid.add_row("budget", ", ".join([size, *_limits(spec)]))
    if expected is not None:
        grid.add_row("expected", expected)
    if place.memory_gib > 0:
        said = "as estimated" if place.memory_per_trial is None else "as --memory-per-trial says"
        grid.add_row("memory", f"{place.memory_gib:.3g} GiB of the machine's for each trial, {said}")
    proposals = Proposals(spec, [SCORES[name].direction for name in objectives_of(spec.select)])
    for method, said in proposals.explain().items():
        grid.add_row("sampler", f"{spec.sampler} for {method}: {said}")
    grid.add_row(
        "floor", f"accuracy {spec.accuracy_floor}; chosen by {spec.select}; confirmed on {counted(spec.final_seeds, 'seed')}"
    )
    for title, said in official_rows(spec):
        grid.add_row(title, said)
    grid.add_row("folder", str(RunFolder.of(place).path))
    grid.add_row("mlflow", shown(place.mlflow))
    console.print(grid)
    for remark in (*remarks, name_small_cells("validation", small_cells(cells["validation"]), info.names)):
        if remark is None:
            continue
        console.print(remark, style="yellow", soft_wrap=True)


def _limits(spec: SearchSpec) -> Iterator[str]:
    """What ends a search, or a trial, beside the number of trials and of epochs."""
    if spec.time_budget_s is not None:
        yield f"{format_duration(spec.time_budget_s)} at most"
    if spec.epoch_budget is not None:
        yield f"{spec.epoch_budget:,} epochs at most"
    if spec.gpu_budget_s is not None:
        yield f"{format_duration(spec.gpu_budget_s)} of one GPU at most"
    if spec.patience is not None:
        yield f"until {spec.patience} in a row have not moved the front"
    if spec.scheduler != "none":
        yield f"stopped early by {spec.scheduler}"
    if spec.seeds_per_trial != 1:
        yield "more seeds for the promising ones" if spec.seeds_per_trial == "auto" else f"{spec.seeds_per_trial} seeds of each"
    if spec.validation_folds > 1:
        yield f"on {spec.validation_folds} validation folds"


class SearchDisplay:
    """A live table on a terminal and in a notebook; one line per finished training in a log file.

    Args:
        console: where to write, its markup off: settings, paths and errors may hold brackets.
        spec: the search.
        records: trials of an earlier session.
        clock: seconds that pass.
    """

    def __init__(
        self, console: Console, spec: SearchSpec, records: list[Record], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.console = console
        self.spec = spec
        self._shown = tuple(dict.fromkeys(("accuracy", *objectives_of(spec.select))))
        self._trials = trials_to_run(spec)
        self._finished = [record for record in records if record.state != "running"]
        self._running: dict[JobKey, tuple[Job, TrialResult | None]] = {}
        self._final: tuple[int, int] | None = None
        self._clock = clock
        self._began = clock()
        self._standing = Standing(clock)
        self._phase: _Phase | None = None
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=4, transient=True)

    def __enter__(self) -> SearchDisplay:
        if is_live(self.console):
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live.is_started:
            self._live.stop()

    def baseline_ready(self, result: TrialResult, floor: float, *, found: bool) -> None:
        """One line on the baseline and the floor it sets."""
        how = "trained earlier" if found else f"trained in {result.seconds:.1f} s"
        fold = "" if self.spec.validation_folds == 1 else " on the first validation fold"
        self.console.print(f"baseline  {self._scores(result.val)}  ({how}); floor: accuracy {floor:.4f}{fold}", soft_wrap=True)

    def reopened(self, openings: Sequence[Opening]) -> None:
        """Say that the choice is open again, and whether somebody may know test scores by now."""
        if openings:
            when = ", ".join(opening.when for opening in openings)
            self.console.print(
                f"the choice is open again. The test split was opened {when}: trials do not see it, but who has read its scores "
                "no longer decides blindly",
                style="yellow",
                soft_wrap=True,
            )

    def job_started(self, job: Job) -> None:
        """Show a running job; a trial that was stopped and is taken up again has not finished."""
        self._finished = [record for record in self._finished if record.number != job.number]
        if self._phase is None and job.kind == "trial":
            self._phase = _Phase("trials", self._clock(), self._done)
        self._running[job.key] = (job, None)

    def job_progressed(self, job: Job, result: TrialResult) -> None:
        """Move its bar."""
        self._running[job.key] = (job, result)
        self._say_where()

    def job_stepped(self, job: Job, step: Step) -> None:
        """Move its bar within the epoch."""
        self._standing.note(job, step)
        self._say_where()

    def _say_where(self) -> None:
        """A log file is told where things are, if it has not been told anything for long."""
        if not self._live.is_started and (line := self._standing.overdue(self._running)) is not None:
            self.console.print(line, soft_wrap=True)

    def job_finished(self, job: Job, result: TrialResult, record: Record | None) -> None:
        """Move it to the finished ones; print a line where there is no live table."""
        self._running.pop(job.key, None)
        self._standing.said()
        if record is not None and job.kind == "repeat":
            self._finished = [record if record.number == other.number else other for other in self._finished]
            if not self._live.is_started:
                self.console.print(self._line_again(job, result, record), soft_wrap=True)
        elif record is not None:
            self._finished.append(record)
            if not self._live.is_started:
                self.console.print(self._line(record), soft_wrap=True)
        elif job.kind == "final" and self._final is not None:
            self._final = (self._final[0] + 1, self._final[1])
            if not self._live.is_started:
                outcome = (
                    self._scores(result.test or {}) if result.state == "complete" else f"failed: {format_error(result.error or '')}"
                )
                known = f"  known from {result.taken_from}" if result.taken_from else ""
                self.console.print(f"confirm {self._final[0]}/{self._final[1]}  {job.key}  {outcome}{known}", soft_wrap=True)

    def confirming(self, roles: Mapping[str, int], jobs: Sequence[Job]) -> None:
        """Say what is retrained for the test split, each setting once with all its roles."""
        self._final = (0, len(jobs))
        self._phase = _Phase("confirmations", self._clock(), 0)
        named = ", ".join(dict.fromkeys(_retrained(str(job.key.role), roles) for job in jobs))
        self.console.print(f"opening the test split: {counted(len(jobs), 'retraining')} of {named}", soft_wrap=True)

    def interrupted(self) -> None:
        """Answer Ctrl-C."""
        self.console.print("stopping: keeping the trainings under way ...")

    def _line(self, record: Record) -> str:
        assert record.result is not None
        taken_from = record.result.taken_from
        counted = f"known from {taken_from}" if taken_from else f"trial {self._done}/{self._trials}"
        setting = f"#{record.number} {format_setting(record.method, record.params)}"
        if record.state != "complete":
            ended = record.result.stopped or f"after {record.result.epochs} epochs"
            reason = f": {format_error(record.result.error)}" if record.result.error else f" {ended}"
            return f"{counted}  {setting}  {record.state}{reason}"
        verdict = "feasible" if record.feasible else format_infeasible(record.collapsed)
        return f"{counted}  {setting}  {self._scores(record.val)}  {verdict}  {record.result.seconds:.1f} s"

    def _line_again(self, job: Job, result: TrialResult, record: Record) -> str:
        found = f"{self._scores(result.val)}  mean of {counted(len(record.scored), 'seed')} {self._scores(record.val)}"
        outcome = found if result.state == "complete" else f"failed: {format_error(result.error or '')}"
        return f"again     #{record.number}, seed {job.spec.seed}  {outcome}"

    @property
    def _done(self) -> int:
        """Trials that have ended here; what earlier runs have trained is not counted."""
        return sum(record.result is None or record.result.taken_from is None for record in self._finished)

    def _table(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, header_style="bold")
        scores = [label(name) for name in self._shown]
        for title in ("trial", "setting", *scores, "", "epochs"):
            table.add_column(title, justify="right" if title in scores else "left", no_wrap=True)
        for record in self._best():
            table.add_row(*self._finished_row(record))
        for job, result in self._running.values():
            table.add_row(*self._running_row(job, result))
        done = f"{self._done} of {counted(self._trials, 'trial')}"
        if self._final is not None:
            done += f", {self._final[0]} of {self._final[1]} confirmations"
        return Group(table, Text(", ".join([done, f"{self._clock() - self._began:.0f} s", *self._pace()]), style="dim"))

    def _pace(self) -> list[str]:
        """How fast the trials or the confirmations go, and how long they will take; nothing before the first has ended."""
        if self._phase is None:
            return []
        done, todo = (self._done, self._trials) if self._final is None else self._final
        passed = self._clock() - self._phase.began
        if done <= self._phase.before or passed <= 0:
            return []
        rate = (done - self._phase.before) / passed
        left = (todo - done) / rate
        if self._final is None and self.spec.time_budget_s is not None:
            left = max(0.0, min(left, self.spec.time_budget_s - (self._clock() - self._began)))
        return [format_rate(rate, self._phase.what), format_left(left)]

    def _best(self) -> list[Record]:
        """The feasible trials first, from the best in the last objective, such as the fairest; then the others, latest first."""
        feasible = [record for record in self._finished if record.feasible]
        last = SCORES[self._shown[-1]]
        feasible.sort(key=lambda record: last.cost(ranked(record.val)[last.name]) if record.result else math.inf)
        others = [record for record in reversed(self._finished) if not record.feasible]
        return (feasible + others)[:_SHOWN]

    def _finished_row(self, record: Record) -> list[RenderableType]:
        val = record.val if record.state == "complete" else {}
        style = "green" if record.feasible else "dim"
        setting = format_setting(record.method, record.params)
        state = record.state if record.feasible is None else "feasible" if record.feasible else format_infeasible(record.collapsed)
        epochs = str(record.result.epochs) if record.result else ""
        shown = [format_score(val[name]) if name in val else "" for name in self._shown]
        return [Text(cell, style=style) for cell in (f"#{record.number}", setting, *shown, state, epochs)]

    def _running_row(self, job: Job, result: TrialResult | None) -> list[RenderableType]:
        trained = result.epochs if result else 0
        val = result.val if result else {}
        searched = self.spec.spaces[job.spec.method].search if job.kind == "trial" else {}
        setting = {name: value for name, value in job.spec.values.items() if name in searched}
        name = f"#{job.number}" if job.kind == "trial" else job.kind
        text = format_setting(job.spec.method, setting) if job.kind == "trial" else str(job.key)
        step = self._standing.step(job, result)
        bar = ProgressBar(total=job.spec.epochs, completed=trained + (step.share if step else 0), width=20)
        shown = [format_score(val[score]) if score in val else "" for score in self._shown]
        inside = [f"step {step.number}/{step.of}"] if step else []
        return [name, text, *shown, bar, ", ".join([f"{trained}/{job.spec.epochs}", *inside, *_epoch_pace(job, result)])]

    def _scores(self, scores: Mapping[str, float]) -> str:
        return "  ".join(f"{label(name)} {format_score(scores[name])}" for name in self._shown if name in scores)


def _retrained(key: str, roles: Mapping[str, int]) -> str:
    """A setting that is retrained, by the role that gave the retraining its name, and all roles that it has."""
    number = roles.get(key, roles.get(key.rpartition("-")[0]))
    if number is None:
        return "the baseline"
    own = ", ".join(role.replace("_", " ") for role in roles if roles[role] == number)
    return f"trial {number} ({own})"


def _epoch_pace(job: Job, result: TrialResult | None) -> list[str]:
    """How fast a training's last epochs went, and how long the others will take."""
    recent = [epoch.seconds for epoch in result.history[-_RECENT:]] if result else []
    if result is None or not sum(recent):
        return []
    seconds = sum(recent) / len(recent)
    return [format_rate(1 / seconds, "epochs"), format_left((job.spec.epochs - result.epochs) * seconds)]
