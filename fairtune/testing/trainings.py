"""Trainings on the embedded digits that take milliseconds."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TypedDict, TypeVar

import numpy as np
import torch
from torch import Tensor

from fairtune.batches.sampling import cell_positions
from fairtune.batches.split import DeviceSplit
from fairtune.datasets import Dataset, Info, open_splits
from fairtune.methods import compose
from fairtune.records import Split
from fairtune.space import Value
from fairtune.spec import Epoch, Optimizer, PlugIn, TrialSpec
from fairtune.training.assembly import build_net, start_method
from fairtune.training.device import parameter_dtype
from fairtune.training.loop import Training
from fairtune.training.teacher import LiveTeacher

T = TypeVar("T")

CPU = torch.device("cpu")
NO_FILES = Path("no-files-needed")


class Splits(TypedDict):
    """What a training is made of."""

    train: Split
    validation: Split
    info: Info


def digits_spec(method: str = "scratch", **changes: object) -> TrialSpec:
    """Four epochs of a small net; ``changes`` are of the specification's fields."""
    fields: dict[str, object] = {
        "dataset": PlugIn(name="digits", options={"seed": 0, "skew": 0.8, "val_frac": 0.4}),
        "model": PlugIn(name="mlp"),
        "epochs": 4,
        "batch_size": 64,
        "optimizer": Optimizer(schedule="constant"),
    }
    return TrialSpec.model_validate(fields | {"method": method} | changes)


@lru_cache
def digits_splits() -> Splits:
    """The two splits of a search, and what the dataset says of itself."""
    digits = Dataset.load("digits").build()
    opened = open_splits(digits, NO_FILES, 0.5)
    return {"train": opened["train"], "validation": opened["validation"], "info": digits.describe(NO_FILES)}


@lru_cache
def tiny_splits() -> Splits:
    """One digit to four of every cell: label and group depend, classes differ in size, and a training takes milliseconds."""
    splits = digits_splits()

    def first(split: Split) -> Split:
        sizes = (1 + 2 * ((number + number // 10) % 2) + (number < 5) for number in range(20))
        return split.take(np.concatenate([cell[:size] for cell, size in zip(cell_positions(split), sizes, strict=True)]))

    return {"train": first(splits["train"]), "validation": first(splits["validation"]), "info": splits["info"]}


def tiny_training(
    method: str = "scratch", values: Mapping[str, Value] | None = None, *, device: torch.device = CPU, **changes: object
) -> Training:
    """A training of two steps an epoch on batches that hold every cell."""
    return digits_training(method, values, splits=tiny_splits(), device=device, **({"batch_size": 20} | changes))


def digits_training(
    method: str = "scratch",
    values: Mapping[str, Value] | None = None,
    *,
    splits: Splits | None = None,
    device: torch.device = CPU,
    **changes: object,
) -> Training:
    """A training on digits, set up as a trial sets it up, with an untrained net as the teacher."""
    composite = compose(method, values or {})
    model = "cnn" if composite.needs_maps else "mlp"
    spec = digits_spec(method, **({"model": PlugIn(name=model), "values": values or {}} | changes))
    splits, dtype = splits or digits_splits(), parameter_dtype(spec.precision)
    net = build_net(spec, splits["info"], device)
    train, validation = (DeviceSplit(split, device, dtype) for split in (splits["train"], splits["validation"]))
    start_method(composite, net, train, spec)
    teacher = None
    if composite.needs_teacher:
        net_of_teacher = build_net(spec.model_copy(update={"seed": 99}), splits["info"], device)
        teacher = LiveTeacher(net_of_teacher, composite, spec.precision, dtype)
    return Training(spec, net, composite, train, validation, teacher=teacher)


def train_epochs(training: Training, epochs: int) -> list[dict[str, float]]:
    """Records of the epochs, without the time they took."""
    return without_seconds(training.run_epoch() for _ in range(epochs))


def without_seconds(history: Iterable[Epoch]) -> list[dict[str, float]]:
    """The metrics of epochs, without the time they took."""
    return [{name: value for name, value in epoch.metrics.items() if name != "seconds"} for epoch in history]


def parameters(training: Training) -> dict[str, Tensor]:
    """A copy of every parameter of the net and of the modules that the method owns."""
    own = {f"{name}.{key}": value for name, part in training.method.parts.items() for key, value in part.modules.named_parameters()}
    return {name: value.detach().clone() for name, value in (dict(training.net.named_parameters()) | own).items()}


def saved_and_loaded(state: T) -> T:
    """What a checkpoint gives back."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded: T = torch.load(file, weights_only=True)
    return loaded
