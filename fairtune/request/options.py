"""The options of every verb, each stated once: type, default, help and what can be checked of it alone.

From these models come the options of the command line, the keys of a pipeline, the arguments of the Python API and
``RUN/spec.yaml``. Nothing here imports torch: what is refused here is refused at once.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from functools import partial
from itertools import chain, combinations
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar, get_args

from pydantic import AliasChoices, BeforeValidator, ValidationError, ValidationInfo, field_validator

from fairtune import plugins
from fairtune.addresses import store
from fairtune.errors import InvalidInput, unknown_name
from fairtune.options import Option, among
from fairtune.plugins import Kind
from fairtune.request.faults import Faults, sentences
from fairtune.request.order import in_order
from fairtune.request.settings import Settings
from fairtune.request.yaml_files import read_mapping, write_mapping
from fairtune.spec import CompareWith, Compile, Limits, Positive, Precision, Resources, SearchOptions, SearchSpec, TrainingOptions
from fairtune.storage import check_storage

T = TypeVar("T")

"""What MLflow can keep its records in, beside SQLite and a server."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+,-]*")
_LONGEST_NAME = 100
_TAKEN = ("baselines", "single", "mlartifacts", "mlflow.db")
"""What lies beside the runs in their folder; SQLite keeps ``mlflow.db-journal`` there too."""
_KIND_OF: dict[str, Kind] = {
    "dataset": "dataset",
    "model": "model",
    "teacher_model": "model",
    "select": "rule",
    "sampler": "sampler",
    "scheduler": "scheduler",
}
"""The options that name one plug-in, and of which kind it is."""
_PRECISIONS = ("auto", *get_args(Precision))


def _passed(value: T, faults: list[str]) -> T:
    """The value if it has no faults, which pydantic wants as one ValueError."""
    if faults:
        raise ValueError("\n".join(faults))
    return value


class DataRequest(TrainingOptions):
    """A dataset under some settings."""

    dataset: Annotated[str, Option("Dataset: see fairtune list datasets.")] = "digits"
    data: Annotated[str | None, Option("Folder of the original data files.", default="$FAIRTUNE_DATA or data")] = None
    set: Annotated[Settings, Option("KEY=VALUE, KEY=LOW..HIGH or KEY=A,B,C; repeat for more.")] = ()

    @field_validator(*_KIND_OF, check_fields=False)
    @classmethod
    def _names_a_plug_in(cls, name: str | None, info: ValidationInfo) -> str | None:
        """It exists, as far as that can be said without importing it."""
        faults = Faults()
        if name is not None:
            faults.attempt(lambda: plugins.check_name(_KIND_OF[str(info.field_name)], name))
        return _passed(name, faults.found)

    @classmethod
    def read(cls, given: Mapping[str, object]) -> Self:
        """The request that somebody typed.

        Args:
            given: options by name; what is left out has its default.

        Raises:
            InvalidInput: every fault.
        """
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise InvalidInput(list(sentences(error, cls))) from error

    @classmethod
    def spellings(cls) -> list[str]:
        """What options may be called in a file: the names of their fields, and those that they also go by."""
        aliases = (field.validation_alias for field in cls.model_fields.values())
        return [*cls.model_fields, *(str(name) for alias in aliases if isinstance(alias, AliasChoices) for name in alias.choices)]

    @classmethod
    def from_file(cls, file: Path, given: Mapping[str, object]) -> Self:
        """The request in a file that :meth:`write` made, with what is given beside it in its place.

        That in the folder of a run is for a search in a folder beside it.

        Raises:
            InvalidInput: the file cannot be read; every fault of the request.
        """
        beside = {"runs": str(file.absolute().parents[1])} if file.with_name("place.json").is_file() else {}
        return cls.read({**beside, **read_mapping(file, "request", cls.spellings()), **given})

    def write(self, file: Path) -> None:
        """Keep the request for :meth:`from_file`; the run's name and folder are not part of it."""
        content = self.model_dump(mode="json", exclude_none=True, exclude={"name", "runs"})
        write_mapping(file, {name: content[name] for name in in_order(type(self)) if name in content})


class TrainRequest(DataRequest):
    """One training."""

    method: Annotated[str, Option("Method, methods joined by +, or for search a list with commas: see fairtune list methods.")] = (
        "mfd"
    )
    model: Annotated[str | None, Option("Architecture: see fairtune list models.", default="the dataset's")] = None
    epochs: Annotated[Positive | None, Option("Length of each training.", default="the dataset's")] = None
    batch_size: Annotated[Positive | None, Option("Samples per batch.", default="the dataset's")] = None
    micro_batch: Annotated[
        Positive | None, Option("Samples computed at a time, where a batch does not fit.", default="the whole batch")
    ] = None
    runs: Annotated[str, Option("Folder of all runs.")] = "runs"
    precision: Annotated[str, among("precision", lambda: _PRECISIONS), Option("auto, bf16, fp32 or float64.")] = "auto"
    compile: Annotated[
        Compile,
        among("way to compile", lambda: get_args(Compile)),
        Option("How a GPU is given steps: auto and cudagraphs replay them, default compiles them, off does neither."),
    ] = "auto"
    space: Annotated[str | None, Option("YAML file that narrows, fixes or widens the search space.", default="none")] = None
    teacher_set: Annotated[Settings, Option("KEY=VALUE of the teacher alone: of its data, its optimiser or its model.")] = ()
    teacher_model: Annotated[str | None, Option("Architecture of the teacher.", default="the students'")] = None
    teacher_epochs: Annotated[Positive | None, Option("Length of the teacher's training.", default="the students'")] = None
    teacher_sees: Annotated[
        str | None,
        Option("Version of each image that the teacher sees: a group's name, or mean for all.", default="the student's"),
    ] = None

    @property
    def methods(self) -> list[str]:
        """The methods of the list."""
        return [method.strip() for method in self.method.split(",")]

    @field_validator("method")
    @classmethod
    def _names_methods(cls, text: str) -> str:
        methods = [method.strip() for method in text.split(",")]
        faults = Faults()
        parts = [faults.attempt(partial(plugins.parts, method)) or [] for method in methods]
        for part in chain.from_iterable(parts):
            faults.attempt(partial(plugins.check_name, "method", part))
        for (one, its), (other, others) in combinations(zip(methods, parts, strict=True), 2):
            if its and set(its) == set(others):
                faults.found.append(f"--method {one},{other}: this is the same method twice: name it once")
        return _passed(text, faults.found)


MOVABLE = ("data", "address", "gpus_per_trial", "cpus_per_trial", "memory_per_trial", "max_concurrent", "trial_timeout_s")
"""What a search that was begun may go on with another of: none has a say in what comes out."""


def extended(spec: SearchSpec, given: Mapping[str, object]) -> SearchSpec:
    """A search under other limits.

    Args:
        spec: the search.
        given: the limits that somebody typed, by the names of their fields; the others stay.

    Raises:
        InvalidInput: every fault of them.
    """
    try:
        limits = Limits.model_validate({**spec.limits.model_dump(), **given})
    except ValidationError as error:
        raise InvalidInput(list(sentences(error, Limits))) from error
    return spec.model_copy(update=dict(limits))


def _share(given: object) -> object:
    """A number from 0, or ``auto``."""
    if given in (None, "auto"):
        return given
    try:
        share = float(str(given))
    except ValueError:
        share = math.nan
    if not 0 <= share < math.inf:
        raise ValueError(f"--gpus-per-trial {given}: give a number from 0, such as 0.25, or auto")
    return share


def _net_to_compare_with(given: object) -> object:
    known = get_args(CompareWith)
    if given is not None and given not in known:
        raise ValueError(unknown_name("net to compare with", str(given), known))
    return given


class Request(TrainRequest, SearchOptions, Resources):
    """One search."""

    compare_with: Annotated[
        CompareWith | None,
        BeforeValidator(_net_to_compare_with),
        Option("Net that sets the floor: plain, trained as the trials are but for the method, or the teacher.", default="plain"),
    ] = None
    scheduler: Annotated[
        str | None,
        Option(
            "What stops trials early: see fairtune list schedulers.", default="pareto_asha from 30 trials of a method, else none"
        ),
    ] = None
    name: Annotated[str | None, Option("Name of the run.", default="dataset, method and time")] = None
    gpus_per_trial: Annotated[
        float | Literal["auto"] | None,
        BeforeValidator(_share),
        Option("GPUs of each trial, may be a fraction; auto measures the first.", default="1 if there is one, else 0"),
    ] = None

    @field_validator("name")
    @classmethod
    def _names_a_folder(cls, name: str | None) -> str | None:
        if name is not None and len(name) > _LONGEST_NAME:
            raise ValueError(f"--name has {len(name)} characters: use {_LONGEST_NAME} at most, since it names a folder")
        if name is not None and (not _NAME.fullmatch(name) or name in _TAKEN or name.startswith(_TAKEN[-1])):
            taken = ", ".join(_TAKEN)
            raise ValueError(f"--name {name!r}: use letters, digits and . _ + - only, and none of the names {taken}")
        return name

    @field_validator("tracking_uri")
    @classmethod
    def _names_a_store(cls, uri: str | None) -> str | None:
        faults = Faults()
        complete = None if uri is None else faults.attempt(partial(store, uri))
        return _passed(complete, faults.found)

    @field_validator("storage")
    @classmethod
    def _names_a_storage(cls, address: str | None) -> str | None:
        faults = Faults()
        complete = None if address is None else faults.attempt(partial(check_storage, address))
        return _passed(complete, faults.found)

    @field_validator("address")
    @classmethod
    def _names_a_cluster(cls, address: str | None) -> str | None:
        return None if address == "local" else address

    @field_validator("cpus_per_trial")
    @classmethod
    def _fits_this_machine(cls, cpus: float, info: ValidationInfo) -> float:
        have = os.cpu_count() or 1
        if info.data.get("address") is None and cpus > have:
            raise ValueError(f"--cpus-per-trial {cpus:g}: this machine has {have}")
        return cpus
