"""What came of a trial, or where it stands."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, PlainValidator, model_validator

from fairtune.records import GroupCounts, Ints
from fairtune.spec.answers import unpack
from fairtune.spec.base import Frozen
from fairtune.spec.trial import TrialSpec

State = Literal["running", "complete", "pruned", "failed", "waiting"]
Counts = Annotated[
    GroupCounts,
    PlainValidator(lambda given: given if isinstance(given, GroupCounts) else GroupCounts.from_json(given)),
    PlainSerializer(GroupCounts.to_json),
]
"""Group counts, in JSON as nested lists."""


class Stop(Frozen):
    """Why a training was stopped early.

    Attributes:
        by: the budget that is spent (``time_budget``, ``epoch_budget``, ``gpu_budget``), or the scheduler's name.
        epoch: after which.
    """

    by: str
    epoch: Annotated[int, Field(ge=0)]

    @property
    def by_budget(self) -> bool:
        """Whether a budget did it, not a scheduler: nothing was found wrong with what was stopped."""
        return self.by.endswith("_budget")

    def __str__(self) -> str:
        by = f"the {self.by.replace('_', ' ')}" if self.by_budget else self.by
        return f"by {by} at epoch {self.epoch}"


class Epoch(Frozen):
    """One epoch of a training.

    Attributes:
        number: from 1.
        seconds: it took, evaluation included.
        losses: means over its steps: ``loss``, what was minimised, and each term of it.
        reported: means over its steps too: ``accuracy`` of the batches trained on, each before its step (none in results of
            earlier versions), and what the methods report, which in results of earlier versions stands among ``losses``.
        val: scores on the validation split after it.
    """

    number: int
    seconds: float = 0.0
    losses: dict[str, float] = Field(default_factory=dict)
    reported: dict[str, float] = Field(default_factory=dict)
    val: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, data: object) -> object:
        """They kept an epoch as its :attr:`metrics`."""
        if not isinstance(data, dict) or "epoch" not in data:
            return data
        parts = {
            part: {name.removeprefix(f"{part}."): value for name, value in data.items() if name.startswith(f"{part}.")}
            for part in ("train", "val")
        }
        return {"number": data["epoch"], "seconds": data.get("seconds", 0.0), "losses": parts["train"], "val": parts["val"]}

    @property
    def metrics(self) -> dict[str, float]:
        """All numbers by name: ``epoch``, ``seconds``, ``train.*`` and ``val.*``."""
        train = {f"train.{name}": value for name, value in (self.losses | self.reported).items()}
        val = {f"val.{name}": value for name, value in self.val.items()}
        return {"epoch": self.number, "seconds": self.seconds, **train, **val}


class Room(Frozen):
    """Space on a disk that a trial lacked.

    Attributes:
        folder: where.
        bytes: how many have to be free.
    """

    folder: str
    bytes: int


class Moved(Frozen):
    """What a trained net scores once its decisions are moved; see :mod:`fairtune.thresholds`.

    Attributes:
        way: how they are moved.
        weight: of DEO_M against accuracy, in moving them.
        val: scores on the validation split, each fold of it moved by what was fitted on the others.
        test: scores on the test split, moved by what was fitted on the whole validation split.
        test_counts: the group counts behind them.
    """

    way: str
    weight: float
    val: dict[str, float]
    test: dict[str, float]
    test_counts: Counts


class Brief(Frozen):
    """A result without what is big: what a search has at hand of each of its trials.

    Attributes:
        id: of what was trained.
        epochs: trained.
        state, stopped, val, only_class, seconds, gpus, peak_memory_mb, error, taken_from: as in :class:`TrialResult`.
    """

    id: str
    state: State
    epochs: int
    stopped: Stop | None = None
    val: dict[str, float] = Field(default_factory=dict)
    only_class: int | None = None
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    error: str | None = None
    taken_from: str | None = None
    gpus: float | None = None

    def gpu_s(self, otherwise: float) -> float:
        """Seconds of one GPU that it took.

        Args:
            otherwise: the GPUs that it had where its result does not say.
        """
        return self.seconds * (otherwise if self.gpus is None else self.gpus)


class TrialResult(Frozen):
    """What came of a trial, or where it stands.

    Attributes:
        spec: what was trained.
        state: ``pruned`` was stopped early, ``failed`` diverged or crashed; ``waiting`` is to be trained again,
            because what stops it is not its own, and is kept nowhere.
        stopped: by whom and when, if it was stopped early.
        history: its epochs.
        val: scores on the validation split after the last epoch.
        val_counts: the group counts behind them.
        only_class: the class that every sample of the validation split is given; None where they are given several, and in results
            of earlier versions.
        test: scores on the test split; only from the confirmation.
        test_counts: the group counts behind them.
        test_answers: what was answered to each sample of the test split, packed; None in results of earlier versions.
        moved: what its net scores with its decisions moved; only from confirmations that ask for it.
        immovable: why they could not be moved.
        seconds: time spent on the trial, evaluation included.
        gpus: that it had, may be a fraction; None in results of earlier versions.
        peak_memory_mb: highest memory use in MiB since the trial began or went on.
        error: why it failed or waits.
        lacks: the space that it waits for.
        taken_from: the earlier run's trial that this was, ``RUN/trial-3``, if another search takes it over.
        starved: whether it failed for want of memory, as far as that can be told; fewer at a time may help.
        versions: of Python, torch and fairtune.
    """

    spec: TrialSpec
    state: State
    stopped: Stop | None = None
    history: tuple[Epoch, ...] = ()
    val: dict[str, float] = Field(default_factory=dict)
    val_counts: Counts | None = None
    only_class: int | None = None
    test: dict[str, float] | None = None
    test_counts: Counts | None = None
    test_answers: str | None = None
    moved: tuple[Moved, ...] = ()
    immovable: str | None = None
    seconds: float = 0.0
    gpus: float | None = None
    peak_memory_mb: float = 0.0
    error: str | None = None
    lacks: Room | None = None
    starved: bool = False
    taken_from: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)

    @property
    def epochs(self) -> int:
        """Epochs trained."""
        return len(self.history)

    @property
    def answers(self) -> Ints | None:
        """The class predicted for each sample of the test split, in the order of its cells, as far as it is known."""
        return None if self.test_answers is None else unpack(self.test_answers)

    @property
    def brief(self) -> Brief:
        """The same without what is big."""
        return Brief(
            id=self.spec.id,
            state=self.state,
            epochs=self.epochs,
            stopped=self.stopped,
            val=self.val,
            only_class=self.only_class,
            seconds=self.seconds,
            peak_memory_mb=self.peak_memory_mb,
            error=self.error,
            taken_from=self.taken_from,
            gpus=self.gpus,
        )

    def counts(self, split: Literal["val", "test"]) -> GroupCounts:
        """The group counts of a split that was scored."""
        counts = self.val_counts if split == "val" else self.test_counts
        if counts is None:
            raise ValueError(f"this trial was not scored on the {split} split")
        return counts
