"""Small trainings on the embedded digits, and random batches."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fairtune.batches.sampling import cell_positions
from fairtune.batches.split import DeviceSplit
from fairtune.datasets import open_splits
from fairtune.methods import Composite, Context, Progress, compose
from fairtune.plugins import load
from fairtune.records import Batch, GroupCounts, Outputs
from fairtune.seeding import torch_stream
from fairtune.spec import Epoch, Optimizer, PlugIn, TrialSpec
from fairtune.training.assembly import build_net, start_method
from fairtune.training.device import parameter_dtype
from fairtune.training.folder import TrialFolder, baseline_folder
from fairtune.training.loop import Training
from fairtune.training.teacher import LiveTeacher
from fairtune.training.trial import Trial, run_trial

CPU = torch.device("cpu")
NO_FILES = Path("no-files-needed")
K, A, D, E = 3, 2, 6, 5
MAP = (4, 3, 3)


def digits_spec(method="scratch", **changes) -> TrialSpec:
    fields: dict[str, Any] = {
        "dataset": PlugIn(name="digits", options={"seed": 0, "skew": 0.8, "val_frac": 0.4}),
        "model": PlugIn(name="mlp"),
        "epochs": 4,
        "batch_size": 64,
        "optimizer": Optimizer(schedule="constant"),
    }
    return TrialSpec(**(fields | {"method": method} | changes))


@lru_cache
def digits_splits() -> dict[str, Any]:
    digits = load("dataset", "digits")()
    return open_splits(digits, NO_FILES, 0.5) | {"info": digits.describe(NO_FILES)}


@lru_cache
def tiny_splits() -> dict[str, Any]:
    """One digit or three of every cell, so that label and group depend, to train and to validate on in milliseconds."""
    splits = digits_splits()

    def first(split):
        cells = cell_positions(split)
        return split.take(np.concatenate([cell[: 1 + 2 * ((number + number // 10) % 2)] for number, cell in enumerate(cells)]))

    return splits | {name: first(splits[name]) for name in ("train", "validation")}


def tiny_training(method="scratch", values=None, **changes) -> Training:
    """A training of two steps an epoch on batches that hold every cell."""
    return digits_training(method, values, splits=tiny_splits(), **({"batch_size": 20} | changes))


def digits_training(method="scratch", values=None, *, splits=None, **changes) -> Training:
    """A training on digits, set up as a trial sets it up, with an untrained net as the teacher."""
    composite = compose(method, values or {})
    model = "cnn" if composite.needs_maps else "mlp"
    spec = digits_spec(method, **({"model": PlugIn(name=model), "values": values or {}} | changes))
    splits, dtype = splits or digits_splits(), parameter_dtype(spec.precision)
    net = build_net(spec, splits["info"], CPU)
    train, validation = (DeviceSplit(splits[name], CPU, dtype) for name in ("train", "validation"))
    start_method(composite, net, train, spec)
    teacher = None
    if composite.needs_teacher:
        net_of_teacher = build_net(spec.model_copy(update={"seed": 99}), splits["info"], CPU)
        teacher = LiveTeacher(net_of_teacher, composite, spec.precision, dtype)
    return Training(spec, net, composite, train, validation, teacher=teacher)


def open_trial(spec: TrialSpec, runs: Path, name="trial", **changes) -> Trial:
    """A trial in a folder of a run's own, beside the baselines."""
    return Trial(spec, TrialFolder(runs / name), data_root=runs, runs=runs, device=CPU, **changes)


def trained_baseline(runs: Path, **changes) -> TrialSpec:
    """The specification of a baseline on digits that has just been trained."""
    spec = digits_spec(**({"epochs": 1} | changes))
    result = run_trial(Trial(spec, baseline_folder(runs, spec), data_root=runs, runs=runs, device=CPU))
    assert result.state == "complete", result.error
    return spec


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


def saved_and_loaded(state: object) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def small_net(num_classes: int) -> torch.nn.Module:
    """A net in float64 whose head fits the embedding of :func:`random_example`."""
    net = load("model", "mlp")((D,), num_classes)
    net.head = torch.nn.Linear(E, num_classes)
    return net.double()


def started(method: str, values=None, *, protocol="fixed", num_classes=K, num_groups=A, features=(D,)) -> Composite:
    """A method bound to a float64 trial of a small net on :func:`random_example`."""
    composite = compose(method, values or {})
    context = Context(
        num_classes,
        num_groups,
        features,
        CPU,
        protocol,
        torch.float64,
        embedding_size=E,
        cells=np.full((num_groups, num_classes), 8),
        shares=np.full((num_groups, num_classes), 1 / (num_groups * num_classes)),
        net=small_net(num_classes),
    )
    with torch_stream(CPU, 0, "method"):
        composite.start(context)
    return composite


@dataclass
class Example:
    """A random batch with a student's outputs, which want a gradient, and a teacher's."""

    student: Outputs
    teacher: Outputs
    batch: Batch

    @property
    def leaves(self) -> tuple[Tensor, ...]:
        return tuple(part for part in self.student if part is not None)

    def terms(self, composite: Composite, progress: Progress | None = None) -> dict[str, Tensor]:
        """The method's loss terms on this batch."""
        return composite.loss(self.student, composite.from_teacher(self.teacher), self.batch, progress or Progress(1, 4))

    def reordered(self, order: Tensor) -> "Example":
        student, teacher = (Outputs(*(part.detach()[order] for part in side)) for side in (self.student, self.teacher))
        for part in student:
            part.requires_grad_()
        batch = Batch(self.batch.x[order], self.batch.y[order], self.batch.a[order], self.batch.index[order])
        return Example(student, teacher, batch)


def random_example(y: Tensor, a: Tensor, *, seed=0, num_classes=K, features=(D,), scale=1.0) -> Example:
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return scale * torch.randn(len(y), *shape, generator=rng, dtype=torch.float64)

    student, teacher = (Outputs(draw(num_classes), draw(*features).relu(), draw(*MAP).relu(), draw(E).relu()) for _ in range(2))
    for part in student:
        part.requires_grad_()
    return Example(student, teacher, Batch(draw(D), y, a, torch.arange(len(y))))


def group_counts(hard) -> GroupCounts:
    hard = np.asarray(hard, dtype=np.int64)
    return GroupCounts(hard, hard.astype(float))


def counts_of_recalls(correct, total) -> GroupCounts:
    """Counts of cells ``(A, K)``, every mistake predicted as the next class."""
    correct, total = np.asarray(correct), np.asarray(total)
    groups, classes = correct.shape
    hard = np.zeros((groups, classes, classes), dtype=np.int64)
    for a in range(groups):
        for y in range(classes):
            hard[a, y, y] = correct[a, y]
            hard[a, y, (y + 1) % classes] += total[a, y] - correct[a, y]
    return group_counts(hard)


def table(y, a, rows, num_groups: int) -> np.ndarray:
    """Group x true tables ``(A, K, K)`` of one row of K numbers per sample, summed."""
    rows = np.asarray(rows)
    summed = np.zeros((num_groups, rows.shape[1], rows.shape[1]), dtype=rows.dtype)
    np.add.at(summed, (a, y), rows)
    return summed


def random_predictions(classes: int, groups: int, n: int = 600, seed: int = 0):
    """Labels, groups, predictions better for later groups, and their counts."""
    rng = np.random.default_rng(seed)
    y, a = rng.integers(0, classes, n), rng.integers(0, groups, n)
    logits = rng.normal(size=(n, classes)) + (1 + 0.4 * a)[:, None] * np.eye(classes)[y]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    predicted = probabilities.argmax(1)
    hard = table(y, a, np.eye(classes, dtype=np.int64)[predicted], groups)
    return y, a, predicted, GroupCounts(hard, table(y, a, probabilities, groups))
