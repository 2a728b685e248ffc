"""The trainings that make up a search, and who watches them."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from fairtune.spec import SearchSpec, TrialResult, TrialSpec
from fairtune.study.study import Record
from fairtune.training.folder import TrialFolder

Kind = Literal["baseline", "teacher", "trial", "final"]


class Job(NamedTuple):
    """One training to run.

    Attributes:
        kind: the baseline, a teacher trained on other data than it, a trial of the search, or a retraining that confirms a choice
            on the test split.
        key: names the job within the run: ``baseline``, ``teacher``, ``trial-3``, ``final-chosen-2``.
        spec: what to train.
        folder: where its files go.
        number: of the trial.
        probed: whether the trained net's embedding is asked for the group.
        rungs: epochs after which it reports where it stands, whatever else makes it report.
    """

    kind: Kind
    key: str
    spec: TrialSpec
    folder: TrialFolder
    number: int | None = None
    probed: bool = True
    rungs: tuple[int, ...] = ()


class Observer(Protocol):
    """Somebody who watches a search: a terminal, MLflow."""

    def baseline_ready(self, result: TrialResult, floor: float, *, found: bool) -> None:
        """The baseline is there; ``found`` if an earlier search trained it."""

    def job_started(self, job: Job) -> None:
        """A job is handed out."""

    def job_progressed(self, job: Job, result: TrialResult) -> None:
        """A job has trained some epochs."""

    def job_finished(self, job: Job, result: TrialResult, record: Record | None) -> None:
        """A job has ended; ``record`` is the trial's, None for other kinds."""

    def confirming(self, roles: dict[str, int], jobs: int) -> None:
        """The search is over and ``roles`` (by trial number) go to the test split."""

    def interrupted(self) -> None:
        """The user wants to stop; running trainings are about to be kept and ended."""


def final_key(role: str, seed: int) -> str:
    """Names a retraining of the confirmation."""
    return f"final-{role}-{seed}"


def final_seeds(spec: SearchSpec) -> list[int]:
    """The seeds of the confirmation, none of them the search's own."""
    return [spec.seed + 1 + i for i in range(spec.final_seeds)]
