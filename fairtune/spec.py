"""What determines a trial and a search, and what came of a trial."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from fairtune.names import Names
from fairtune.options import Duration, Floor, Option, among
from fairtune.records import GroupCounts
from fairtune.space import Space, Value

Protocol = Literal["fixed", "official"]
Precision = Literal["bf16", "fp32", "float64"]
State = Literal["running", "complete", "pruned", "failed"]
Direction = Literal["maximize", "minimize"]
Counts = Annotated[
    GroupCounts,
    PlainValidator(lambda given: given if isinstance(given, GroupCounts) else GroupCounts.from_json(given)),
    PlainSerializer(GroupCounts.to_json),
]
"""Group counts, in JSON as nested lists."""
Positive = Annotated[int, Field(ge=1)]
TIME_BUDGET = "time_budget"
"""Who stops a trial that no scheduler stops."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class PlugIn(_Frozen):
    """A dataset or model by name, with its options complete.

    Attributes:
        name: of the plug-in.
        options: all of them.
        digest: of a dataset, what :func:`fairtune.datasets.digest_of` says of its files; None where nobody asked, as in runs of
            earlier versions, whose identities stay as they were.
    """

    name: str
    options: dict[str, Value] = Field(default_factory=dict)
    digest: str | None = None

    @model_serializer(mode="wrap")
    def _without_unknown_digest(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        known: dict[str, Any] = fields(self)
        return {name: value for name, value in known.items() if name != "digest" or value is not None}


class Optimizer(_Frozen):
    """How weights are updated.

    Attributes:
        name: ``adam``, or ``sgd`` with momentum 0.9.
        lr: learning rate.
        weight_decay: L2 penalty.
        schedule: ``plateau`` divides the rate by 10 after 10 epochs without a lower validation loss (the papers' code looks
            at the test loss there); ``cosine`` lets it fall to 0; ``constant`` leaves it.
    """

    name: Literal["adam", "sgd"] = "adam"
    lr: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Literal["plateau", "cosine", "constant"] = "plateau"


class TrialSpec(_Frozen):
    """All that determines a trial: equal :attr:`id` means the same training, already done.

    Attributes:
        dataset: which data, down to the content of its files; its ``seed`` option fixes the splits.
        model: which architecture.
        method: a method's name, or names joined by ``+``.
        values: every hyperparameter of the method, by full name (``mfd.weight``).
        optimizer: how weights are updated.
        epochs: length of training.
        batch_size: B.
        seed: of initialisation, order and noise.
        precision: of the forward and backward pass.
        protocol: ``official`` reproduces the authors' code where it differs from the paper or is wrong.
        train_fraction: share of the training split used.
        teacher: the baseline that distillation methods learn from and fine-tuning ones start from.
    """

    dataset: PlugIn
    model: PlugIn
    method: str
    values: dict[str, Value] = Field(default_factory=dict)
    optimizer: Optimizer = Optimizer()
    epochs: Positive
    batch_size: Positive
    seed: Annotated[int, Field(ge=0)] = 0
    precision: Precision = "fp32"
    protocol: Protocol = "fixed"
    train_fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    teacher: TrialSpec | None = None

    @property
    def id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return digest(self.model_dump(mode="json"))


class Stop(_Frozen):
    """Why a training was stopped early.

    Attributes:
        by: ``time_budget``, or the scheduler's name.
        epoch: after which.
    """

    by: str
    epoch: Annotated[int, Field(ge=0)]

    def __str__(self) -> str:
        return f"by {'the time budget' if self.by == TIME_BUDGET else self.by} at epoch {self.epoch}"


class Epoch(_Frozen):
    """One epoch of a training.

    Attributes:
        number: from 1.
        seconds: it took, evaluation included.
        losses: means over its steps: ``loss``, what was minimised, and each term of it.
        reported: what the methods report beside them; in results of earlier versions it stands among ``losses``.
        val: scores on the validation split after it.
    """

    number: int
    seconds: float = 0.0
    losses: dict[str, float] = Field(default_factory=dict)
    reported: dict[str, float] = Field(default_factory=dict)
    val: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, data: Any) -> Any:
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


class TrialResult(_Frozen):
    """What came of a trial, or where it stands.

    Attributes:
        spec: what was trained.
        state: ``pruned`` was stopped early, ``failed`` diverged or crashed.
        stopped: by whom and when, if it was stopped early.
        history: its epochs.
        val: scores on the validation split after the last epoch.
        val_counts: the group counts behind them.
        test: scores on the test split; only from the confirmation.
        test_counts: the group counts behind them.
        seconds: time spent on the trial, evaluation included.
        peak_memory_mb: highest memory use in MiB since the trial began or went on.
        error: why it failed.
        versions: of Python, torch and fairtune.
    """

    spec: TrialSpec
    state: State
    stopped: Stop | None = None
    history: tuple[Epoch, ...] = ()
    val: dict[str, float] = Field(default_factory=dict)
    val_counts: Counts | None = None
    test: dict[str, float] | None = None
    test_counts: Counts | None = None
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    error: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)

    @property
    def epochs(self) -> int:
        """Epochs trained."""
        return len(self.history)

    def counts(self, split: Literal["val", "test"]) -> GroupCounts:
        """The group counts of a split that was scored."""
        counts = self.val_counts if split == "val" else self.test_counts
        if counts is None:
            raise ValueError(f"this trial was not scored on the {split} split")
        return counts


class TrainingOptions(_Frozen):
    """What a user says of a training and its specification keeps as it is."""

    seed: Annotated[int, Field(ge=0), Option("Seed of the search, its data splits and its trials.")] = 0
    protocol: Annotated[
        Protocol,
        among("protocol", lambda: get_args(Protocol)),
        Option("fixed, or official: as the authors' code behaves, faults included."),
    ] = "fixed"
    train_fraction: Annotated[float, Field(gt=0, le=1), Option("Share of the training split used.")] = 1.0


class SearchOptions(TrainingOptions):
    """What a user says of a search and its specification keeps as it is."""

    trials: Annotated[Positive, Option("Settings to try.")] = 20
    time_budget_s: Annotated[
        Duration | None,
        Field(validation_alias=AliasChoices("time_budget", "time_budget_s")),
        Option("Stop the trials after this long: 90s, 15m, 2h.", default="no limit", flag="--time-budget", metavar="DURATION"),
    ] = None
    accuracy_floor: Annotated[
        Floor, Option("Accuracy a trial must reach: a number, or teacher with an offset.", metavar="FLOOR")
    ] = Floor.parse("teacher-0.01")
    select: Annotated[str, Option("Rule that chooses: see fairtune list rules.")] = "deo_m"
    sampler: Annotated[str, Option("What proposes settings: see fairtune list samplers.")] = "tpe"
    scheduler: Annotated[str, Option("What stops trials early: see fairtune list schedulers.")] = "none"
    final_seeds: Annotated[Positive, Option("Seeds that confirm the choice on the test split.")] = 4


class Resources(_Frozen):
    """What a user says of the machines of a search and its place keeps as it is."""

    tracking_uri: Annotated[str | None, Option("MLflow server or database.", default="a database in --runs")] = None
    address: Annotated[str | None, Option("Ray cluster: auto or HOST:PORT.", default="this machine")] = None
    cpus_per_trial: Annotated[float, Field(gt=0), Option("CPU cores of each trial.")] = 1
    max_concurrent: Annotated[Positive | None, Option("Trials at a time.", default="as many as fit")] = None


class SearchSpec(SearchOptions):
    """What is searched: the command with every default filled in. Two runs of one name must agree on it.

    Attributes:
        dataset, model, optimizer, epochs, batch_size, precision: as in :class:`TrialSpec`.
        spaces: the space of each method searched, by the method's name.
        teacher_dataset: what the teacher is trained on, where that is not ``dataset``: the same dataset under other options.
        classes, groups: their names, so that a run can be read without its data; none in runs of earlier versions.
        shape: of what a net sees, ``(C, H, W)`` or ``(F,)``.
    """

    dataset: PlugIn
    model: PlugIn
    spaces: dict[str, Space]
    teacher_dataset: PlugIn | None = None
    classes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    optimizer: Optimizer = Optimizer()
    epochs: Positive
    batch_size: Positive
    precision: Precision = "fp32"

    @property
    def names(self) -> Names:
        """Of classes and groups, in sentences."""
        return Names(self.classes, self.groups)

    @property
    def methods(self) -> str:
        """The methods searched, as on the command line."""
        return ",".join(self.spaces)

    def baseline(self, seed: int | None = None) -> TrialSpec:
        """The plain model of the same architecture."""
        return TrialSpec(
            dataset=self.dataset,
            model=self.model,
            method="scratch",
            optimizer=self.optimizer,
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=self.seed if seed is None else seed,
            precision=self.precision,
            protocol=self.protocol,
            train_fraction=self.train_fraction,
        )

    def teacher(self) -> TrialSpec:
        """The baseline, or the same model trained on other data."""
        return self.baseline().model_copy(update={} if self.teacher_dataset is None else {"dataset": self.teacher_dataset})

    def trial(self, method: str, values: dict[str, Value], *, needs_baseline: bool) -> TrialSpec:
        """A trial of this search: a method with every searched and fixed value; ``optimizer.*`` values go to the optimiser."""
        own = {name: value for name, value in values.items() if not name.startswith("optimizer.")}
        changes = {name.removeprefix("optimizer."): value for name, value in values.items() if name.startswith("optimizer.")}
        return self.baseline().model_copy(
            update={
                "method": method,
                "values": own,
                "optimizer": Optimizer(**{**self.optimizer.model_dump(), **changes}),
                "teacher": self.teacher() if needs_baseline else None,
            }
        )


class Place(Resources):
    """Where and with what a search runs; it has no say in what comes out.

    Attributes:
        data: folder of original data files.
        runs: folder of all runs.
        name: of this run.
        gpus_per_trial: GPUs of each trial, may be a fraction.
    """

    data: str
    runs: str
    name: str
    gpus_per_trial: Annotated[float, Field(ge=0)] = 0

    @property
    def mlflow(self) -> str:
        """MLflow's address: as given, else a database in the folder of runs."""
        return self.tracking_uri or f"sqlite:///{self.runs}/mlflow.db"


def digest(data: Any) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of canonical JSON."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]
