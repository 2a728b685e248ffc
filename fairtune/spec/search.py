"""What determines a search, and where it runs."""

from __future__ import annotations

import os
from typing import Annotated, Literal, get_args

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from fairtune.addresses import STUDY_VARIABLE, VARIABLE, Address
from fairtune.names import Names
from fairtune.options import Duration, Floor, Option, among
from fairtune.space import Space, Value
from fairtune.spec.authors import Authors
from fairtune.spec.base import Compile, Frozen, Positive, Precision, Protocol
from fairtune.spec.trial import Optimizer, PlugIn, TrialSpec


def _folders(given: object) -> object:
    """One folder, or several, as texts."""
    several = given if isinstance(given, list | tuple) else (given,)
    return tuple(os.fspath(one) if isinstance(one, os.PathLike) else one for one in several)


PostProcess = Literal["baseline", "every", "none"]
CompareWith = Literal["plain", "teacher"]


def _seeds(given: object) -> object:
    """A number of seeds from 1, or ``auto``."""
    if given == "auto" or (str(given).isdecimal() and int(str(given)) > 0):
        return given if given == "auto" else int(str(given))
    raise ValueError(f"--seeds-per-trial {given}: give a number from 1, or auto")


Seeds = Annotated[Literal["auto"] | int, BeforeValidator(_seeds)]
Folders = Annotated[tuple[str, ...], BeforeValidator(_folders)]


class TrainingOptions(Frozen):
    """What a user says of a training and its specification keeps as it is."""

    seed: Annotated[int, Field(ge=0), Option("Seed of the search, its data splits and its trials.")] = 0
    protocol: Annotated[
        Protocol,
        among("protocol", lambda: get_args(Protocol)),
        Option("fixed, or official: as the authors' code behaves, faults included, and trained as they did."),
    ] = "fixed"
    train_fraction: Annotated[float, Field(gt=0, le=1), Option("Share of the training split used.")] = 1.0


class Limits(Frozen):
    """How much a search may take: its trials end at whichever limit comes first."""

    trials: Annotated[Positive, Option("Settings to try.")] = 20
    time_budget_s: Annotated[
        Duration | None,
        Field(validation_alias=AliasChoices("time_budget", "time_budget_s")),
        Option("End the whole search after this long: 90s, 2h.", default="no limit", flag="--time-budget", metavar="DURATION"),
    ] = None
    epoch_budget: Annotated[Positive | None, Option("End it after so many epochs, all trainings together.", default="no limit")] = (
        None
    )
    gpu_budget_s: Annotated[
        Duration | None,
        Field(validation_alias=AliasChoices("gpu_budget", "gpu_budget_s")),
        Option("End it after so much time of one GPU: 8h.", default="no limit", flag="--gpu-budget", metavar="DURATION"),
    ] = None
    patience: Annotated[Positive | None, Option("No more trials once so many have not moved the front.", default="no limit")] = None


_STUDENTS = 10_000
"""Between the seed of a search and that of trials which begin apart: more than it has final seeds and repeats."""


class SearchOptions(TrainingOptions, Limits):
    """What a user says of a search and its specification keeps as it is."""

    accuracy_floor: Annotated[
        Floor, Option("Accuracy a trial must reach: a number, teacher with an offset, or q0.05.", metavar="FLOOR")
    ] = Floor.parse("teacher-0.01")
    select: Annotated[str, Option("Rule that chooses: see fairtune list rules.")] = "deo_m"
    sampler: Annotated[str, Option("What proposes settings: see fairtune list samplers.")] = "auto"
    joint: Annotated[bool, Option("Spend more trials on the methods that work, not as many on each.")] = False
    seeds_per_trial: Annotated[Seeds, Option("Trainings of each setting; auto gives more to the promising ones in the end.")] = 1
    validation_folds: Annotated[Positive, Option("Splits of train and validation that a setting's seeds go through.")] = 1
    final_seeds: Annotated[Positive, Option("Seeds that confirm the choice on the test split.")] = 4
    post_process: Annotated[
        PostProcess,
        among("post-processing", lambda: get_args(PostProcess)),
        Option("Of which confirmed nets thresholds are moved, as what costs no training: baseline, every or none."),
    ] = "baseline"


class Resources(Frozen):
    """What a user says of the machines of a search and its place keeps as it is."""

    tracking_uri: Annotated[
        Address | None, Field(repr=False), Option("MLflow server or database.", default=f"${VARIABLE}, else a database in --runs")
    ] = None
    study: Annotated[
        Address | None,
        Field(repr=False),
        Option("PostgreSQL database of the study.", default=f"${STUDY_VARIABLE}, else SQLite in the run's folder"),
    ] = None
    storage: Annotated[
        str | None,
        Option(
            "Where machines that do not share --runs leave checkpoints and nets: a path, s3://BUCKET/FOLDER or gs://BUCKET/FOLDER.",
            default="--runs",
        ),
    ] = None
    warm_start: Annotated[
        Folders, Option("Earlier run of the same space, whose settings come first; repeat for more.", metavar="RUN")
    ] = ()
    address: Annotated[str | None, Option("Ray cluster: auto, HOST:PORT, or local.", default="this machine")] = None
    cpus_per_trial: Annotated[float, Field(gt=0), Option("CPU cores of each trial.")] = 1
    memory_per_trial: Annotated[
        float | None,
        Field(ge=0, allow_inf_nan=False),
        Option("GiB of a machine's memory that Ray sets aside for each trial; 0 for none.", default="as estimated", metavar="GIB"),
    ] = None
    max_concurrent: Annotated[Positive | None, Option("Trials at a time.", default="as many as fit")] = None
    trial_timeout_s: Annotated[
        Duration | None,
        Field(validation_alias=AliasChoices("trial_timeout", "trial_timeout_s")),
        Option("End a training without an epoch for so long: 2h.", default="never", flag="--trial-timeout", metavar="DURATION"),
    ] = None
    keep_finals: Annotated[bool, Option("Keep the nets of all retrainings, for fairtune export --ensemble.")] = False


class SearchSpec(SearchOptions):
    """What is searched: the command with every default filled in. Two runs of one name must agree on it.

    Attributes:
        dataset, model, optimizer, epochs, batch_size, micro_batch, precision: as in :class:`TrialSpec`.
        spaces: the space of each method searched, by the method's name.
        scheduler: what stops trials early.
        scheduler_options: all of them; none in runs of earlier versions, whose schedulers had none.
        rule_options: all options of the rule; none in runs of earlier versions, whose rules had none.
        teacher_dataset: what the teacher is trained on, where that is not ``dataset``: the same dataset under other options.
        teacher_model, teacher_optimizer, teacher_epochs: the teacher's, where they are not ``model``, ``optimizer``, ``epochs``.
        teacher_sees: as in :class:`TrialSpec`.
        compare_with: which net is the baseline: ``plain``, of the trials' architecture and trained as they are, or the ``teacher``.
        authors: what ``--protocol official`` set, by method; none in runs of earlier versions.
        classes, groups: their names, so that a run can be read without its data; none in runs of earlier versions.
        shape: of what a net sees, ``(C, H, W)`` or ``(F,)``.
        students_apart: whether trials that have a teacher are trained from another seed than it was. From its own a student begins
            with its teacher's first weights and sees its batches, which nothing does that confirms it. False in runs of earlier
            versions.
    """

    dataset: PlugIn
    model: PlugIn
    spaces: dict[str, Space]
    scheduler: str = "none"
    scheduler_options: dict[str, Value] = Field(default_factory=dict)
    rule_options: dict[str, Value] = Field(default_factory=dict)
    teacher_dataset: PlugIn | None = None
    teacher_model: PlugIn | None = None
    teacher_optimizer: Optimizer | None = None
    teacher_epochs: Positive | None = None
    teacher_sees: str | None = None
    compare_with: CompareWith = "plain"
    authors: dict[str, Authors] = Field(default_factory=dict)
    classes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    students_apart: bool = False
    optimizer: Optimizer = Optimizer()
    epochs: Positive
    batch_size: Positive
    micro_batch: Positive | None = None
    precision: Precision = "fp32"

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, data: object) -> object:
        """They let the sampler choose among several methods."""
        if not isinstance(data, dict) or "joint" in data:
            return data
        return {**data, "joint": len(data.get("spaces", {})) > 1}

    @property
    def limits(self) -> Limits:
        """How much it may take."""
        return Limits(**{name: getattr(self, name) for name in Limits.model_fields})

    @property
    def names(self) -> Names:
        """Of classes and groups, in sentences."""
        return Names(self.classes, self.groups)

    @property
    def methods(self) -> str:
        """The methods searched, as on the command line."""
        return ",".join(self.spaces)

    @property
    def deviations(self) -> list[str]:
        """What is not as the authors of the methods have it, a sentence each, under ``--protocol official``."""
        found: dict[str, list[str]] = {}
        for method, authors in self.authors.items():
            for said in authors.deviations:
                found.setdefault(said, []).append(method)
        return [f"{', '.join(methods)}: {said}" for said, methods in found.items()]

    def baseline(self, seed: int | None = None) -> TrialSpec:
        """The plain model that sets the floor and that the choice is compared with."""
        return self.teacher(seed) if self.compare_with == "teacher" else self.plain(seed)

    def plain(self, seed: int | None = None) -> TrialSpec:
        """The plain model of the trials' architecture, trained as they are."""
        return TrialSpec(
            dataset=self.dataset,
            model=self.model,
            method="scratch",
            optimizer=self.optimizer,
            epochs=self.epochs,
            batch_size=self.batch_size,
            micro_batch=self.micro_batch,
            seed=self.seed if seed is None else seed,
            precision=self.precision,
            protocol=self.protocol,
            train_fraction=self.train_fraction,
        )

    def teacher(self, seed: int | None = None) -> TrialSpec:
        """The plain model, or one of other data, another architecture or another training."""
        own = {
            "dataset": self.teacher_dataset,
            "model": self.teacher_model,
            "optimizer": self.teacher_optimizer,
            "epochs": self.teacher_epochs,
        }
        return self.plain(seed).model_copy(update={name: value for name, value in own.items() if value is not None})

    def on_fold(self, fold: int) -> SearchSpec:
        """The same search with another split of train and validation; the test split is the same.

        Args:
            fold: from 1; 0 is the split of the search itself.
        """
        return self.model_copy(update={"dataset": _with_seed(self.dataset, fold)})

    def seed_beside(self, teacher: TrialSpec | None) -> int:
        """The seed of a trial's first training: the search's own, unless it has a teacher and students begin apart."""
        return self.seed + (_STUDENTS if self.students_apart and teacher is not None else 0)

    def fold_of(self, again: int) -> int:
        """The fold of a setting's repeat, from 1; 0 is that of the trial itself."""
        return again % self.validation_folds

    def repeat(self, trial: TrialSpec, again: int) -> TrialSpec:
        """One more seed of a trial of this search, none that confirms a choice, on the fold whose turn it is.

        What distils or fine-tunes has the baseline of its fold for a teacher: no net has seen what validates it.

        Args:
            trial: its first training.
            again: which repeat, from 1.
        """
        fold = self.on_fold(self.fold_of(again))
        teacher = None if trial.teacher is None else fold.teacher()
        return trial.model_copy(update={"dataset": fold.dataset, "teacher": teacher, "seed": self.seed + self.final_seeds + again})

    def trial(self, method: str, values: dict[str, Value], *, needs_baseline: bool) -> TrialSpec:
        """A trial of this search: a method with every searched and fixed value; ``optimizer.*`` values go to the optimiser."""
        own = {name: value for name, value in values.items() if not name.startswith("optimizer.")}
        changes = {name.removeprefix("optimizer."): value for name, value in values.items() if name.startswith("optimizer.")}
        teacher = self.teacher() if needs_baseline else None
        return self.plain(self.seed_beside(teacher)).model_copy(
            update={
                "method": method,
                "values": own,
                "optimizer": Optimizer(**{**self.optimizer.model_dump(), **changes}),
                "teacher": teacher,
                "teacher_sees": self.teacher_sees if needs_baseline else None,
            }
        )


class Place(Resources):
    """Where and with what a search runs; it has no say in what comes out.

    Attributes:
        data: folder of original data files.
        runs: folder of all runs.
        name: of this run.
        gpus_per_trial: GPUs of each trial, may be a fraction.
        expected_memory_gib: what a trial is estimated to take of the machine's memory; 0 where that is not known.
        compile: how the step is compiled; numbers are the same up to rounding.
        packs: whether it stands for the first trials only, which are measured to know how many fit a GPU.
    """

    data: str
    runs: str
    name: str
    gpus_per_trial: Annotated[float, Field(ge=0)] = 0
    expected_memory_gib: Annotated[float, Field(ge=0)] = 0
    compile: Compile = "auto"
    packs: bool = False

    @property
    def memory_gib(self) -> float:
        """What each trial has set aside of the machine's memory, GiB: as given, else as estimated."""
        return self.expected_memory_gib if self.memory_per_trial is None else self.memory_per_trial

    @property
    def mlflow(self) -> str:
        """MLflow's address: as given, else a database in the folder of runs."""
        return self.tracking_uri or f"sqlite:///{self.runs}/mlflow.db"


def _with_seed(dataset: PlugIn, further: int) -> PlugIn:
    """A dataset whose seed is by so much larger."""
    seed = int(dataset.options.get("seed", 0))
    return dataset if further == 0 else dataset.model_copy(update={"options": {**dataset.options, "seed": seed + further}})
