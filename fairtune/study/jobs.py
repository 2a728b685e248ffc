"""The trainings that make up a search, and who watches them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from fairtune.records import Purpose
from fairtune.spec import SearchSpec, TrialResult, TrialSpec
from fairtune.study.key import JobKey, Kind
from fairtune.study.opening import Opening
from fairtune.study.record import Record
from fairtune.training.folder import TrialFolder
from fairtune.training.steps import Step


class Job(NamedTuple):
    """One training to run.

    Attributes:
        key: names it within the search.
        spec: what to train.
        folder: where its files go.
        purpose: what it is for, and so what its net is asked in the end.
        rungs: epochs after which it reports where it stands, whatever else makes it report.
    """

    key: JobKey
    spec: TrialSpec
    folder: TrialFolder
    purpose: Purpose
    rungs: tuple[int, ...] = ()

    @property
    def kind(self) -> Kind:
        """What part of the search it is."""
        return self.key.kind

    @property
    def number(self) -> int | None:
        """Of the trial; None for other kinds."""
        return self.key.number if self.key.kind == "trial" else None


class Observer(Protocol):
    """Somebody who watches a search: a terminal, MLflow."""

    def baseline_ready(self, result: TrialResult, floor: float, *, found: bool) -> None:
        """The baseline is there; ``found`` if an earlier search trained it."""

    def reopened(self, openings: Sequence[Opening]) -> None:
        """A search that was over goes on under other limits; the test split was opened so often before."""

    def job_started(self, job: Job) -> None:
        """A job is handed out."""

    def job_progressed(self, job: Job, result: TrialResult) -> None:
        """A job has trained some epochs."""

    def job_stepped(self, job: Job, step: Step) -> None:
        """A job is here in the epoch that it trains; told once in a while, where that is known."""

    def job_finished(self, job: Job, result: TrialResult, record: Record | None) -> None:
        """A job has ended; ``record`` is the trial's, or that of the trial whose repeat it is; None for other kinds."""

    def confirming(self, roles: Mapping[str, int], jobs: Sequence[Job]) -> None:
        """The search is over, and ``jobs``, those of the ``roles`` (by trial number) that have not been retrained, go to the test
        split.
        """

    def interrupted(self) -> None:
        """The user wants to stop; running trainings are about to be kept and ended."""


def final_seeds(spec: SearchSpec) -> list[int]:
    """The seeds of the confirmation, none of them the search's own."""
    return [spec.seed + 1 + i for i in range(spec.final_seeds)]
