"""One trial from its specification to its result: the only place that wires data, net, method and loop."""

from __future__ import annotations

import math
import platform
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from fairtune.batches import sampling
from fairtune.batches.augment import Augment
from fairtune.batches.split import DeviceSplit
from fairtune.datasets import Dataset, Info, lost_cells, open_part, open_splits
from fairtune.errors import DataError, Diverged, FairtuneError, InvalidInput
from fairtune.files import write_atomically
from fairtune.methods import Composite, Context, compose
from fairtune.metrics import Weighting, scores
from fairtune.models import NO_WEIGHTS, Net
from fairtune.plugins import load
from fairtune.records import GroupCounts, Ints, Split
from fairtune.seeding import torch_stream
from fairtune.spec import PlugIn, State, TrialResult, TrialSpec, digest
from fairtune.training.device import forget_peak_memory, keep_float32_exact, parameter_dtype, peak_memory_mb
from fairtune.training.evaluate import evaluate
from fairtune.training.folder import TrialFolder, baseline_folder
from fairtune.training.loop import Teacher, Training
from fairtune.training.probe import probe
from fairtune.training.teacher import open_teacher

CHECKPOINT_EVERY_S = 15.0


@dataclass(frozen=True)
class Data:
    """The splits of a trial; ``test`` is there only in the confirmation of a search. ``remarks`` are what a user should know."""

    info: Info
    train: Split
    validation: Split
    test: Split | None = None
    remarks: tuple[str, ...] = ()

    @property
    def num_groups(self) -> int:
        """A."""
        return len(self.info.groups)

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.info.classes)

    @property
    def cells(self) -> Ints:
        """Training samples per cell, ``(A, K)``."""
        return self.train.cells(self.num_groups, self.num_classes)

    @property
    def weighting(self) -> Weighting:
        """How validation accuracy weighs, so that it estimates the test split's."""
        return "cells" if self.info.balanced_test else "samples"

    def on(self, device: torch.device, dtype: torch.dtype, split: Split) -> DeviceSplit:
        """One of the splits on a device, its images transformed as this dataset's are."""
        size = self.info.shape[1:]
        return DeviceSplit(split, device, dtype, Augment(self.info.augment, (size[0], size[1]) if size else None))


def make_dataset(plugin: PlugIn) -> Dataset:
    """The dataset of a specification."""
    dataset: Dataset = load("dataset", plugin.name)(**plugin.options)
    return dataset


def open_data(spec: TrialSpec, root: Path, *, open_test: bool = False) -> Data:
    """Open a trial's splits.

    Args:
        spec: the trial.
        root: folder of the original files.
        open_test: also open the test split; only the confirmation of a search does.

    Raises:
        DataError: the files are missing or damaged, or have changed since they became part of the specification.
    """
    dataset = make_dataset(spec.dataset)
    digest = spec.dataset.digest
    splits = open_splits(dataset, root, spec.train_fraction, digest=digest)
    test = dataset.test_split(open_part(dataset, root, "test", digest=digest)) if open_test else None
    info = dataset.describe(root)
    whole = splits if spec.train_fraction == 1 else open_splits(dataset, root, digest=digest)
    remarks = lost_cells(whole["train"], splits["train"], info)
    return Data(info, splits["train"], splits["validation"], test, tuple(remarks))


def check_data(data: Data, spec: TrialSpec, method: Composite) -> None:
    """Check that every batch of a trial can be filled.

    Raises:
        InvalidInput, DataError: what is too small, and what to do.
    """
    if data.num_groups < 2 or data.num_classes < 2:
        few = f"{data.num_groups} group(s) and {data.num_classes} class(es)"
        raise DataError(f"the dataset {spec.dataset.name} has {few}: fairness compares at least two groups on at least two classes")
    sampling.check_batch_size(len(data.train), spec.batch_size)
    if not method.balanced:
        return
    cells = sampling.cell_positions(data.train.y, data.train.a, data.num_groups, data.num_classes)
    try:
        sampling.check_cells(cells, data.num_classes, spec.batch_size, data.info.names)
    except DataError as error:
        unbiased = "" if method.trains_net else f"the method {spec.method} needs an unbiased set, and balances its batches for it: "
        raise DataError(f"{unbiased}{error}") from None


def build_net(spec: TrialSpec, info: Info, device: torch.device, *, pretrained: bool = True) -> Net:
    """A trial's net, initialised from its seed and, unless its weights are replaced anyway, from the weights it names.

    It standardises images as its weights want them, or as the dataset says where they don't.
    """
    options = dict(spec.model.options)
    weights = str(options.pop("weights", NO_WEIGHTS))
    with torch_stream(torch.device("cpu"), spec.seed, "init"):
        net: Net = load("model", spec.model.name)(info.shape, len(info.classes), **options)
        net = net.to(device, parameter_dtype(spec.precision)).to(memory_format=torch.channels_last)
        if info.normalise is not None:
            net.normalise.set(info.normalise.mean, info.normalise.std)
        if pretrained:
            net.pretrain(weights)
    return net


def load_net(spec: TrialSpec, info: Info, folder: TrialFolder, device: torch.device) -> Net:
    """A trained net.

    Raises:
        InvalidInput: it has not been trained, or by a version of fairtune whose nets were others.
    """
    if not folder.weights.is_file():
        raise InvalidInput(f"the teacher {spec.id} has not been trained: no {folder.weights}")
    net = build_net(spec, info, device, pretrained=False)
    try:
        net.load_state_dict(load_file(folder.weights))
    except RuntimeError as error:
        raise InvalidInput(f"{folder.weights} is of another version of fairtune: delete {folder.path} to train it anew") from error
    return net


def class_weights(data: Data, method: Composite, device: torch.device, dtype: torch.dtype) -> torch.Tensor | None:
    """Effective-number weights of the classes in the task loss, for the datasets that ask for them; of the classes as the method
    draws them.
    """
    if data.info.class_balance is None:
        return None
    samples = len(data.train) * sampling.shares(data.cells, balanced=method.balanced).sum(axis=0)
    weights = sampling.effective_number_weights(samples, data.info.class_balance)
    return torch.from_numpy(weights).to(device, dtype)


def start_method(method: Composite, net: Net, train: DeviceSplit, spec: TrialSpec, cells: Ints) -> None:
    """Bind a method to a trial's net and data.

    Args:
        method: the method.
        net: the net, on the device.
        train: the training split.
        spec: the trial.
        cells: training samples per cell ``(A, K)``.

    Raises:
        InvalidInput: the method makes no sense for them.
    """
    seen = net.eval()(train.batch(torch.zeros(1, dtype=torch.int64, device=train.device)).x, want_maps=method.needs_maps)
    if method.needs_maps and (seen.maps is None or seen.maps[0, 0].numel() == 1):
        names = " and ".join(name for name, part in method.parts.items() if part.needs_maps)
        raise InvalidInput(
            f"{names} compares maps position by position, but the model {spec.model.name} gives one vector for these inputs, on "
            "which the gradient is zero: use a convolutional model such as cnn, or larger images"
        )
    context = Context(
        num_classes=cells.shape[1],
        num_groups=cells.shape[0],
        feature_shape=tuple(seen.features.shape[1:]),
        device=train.device,
        protocol=spec.protocol,
        dtype=train.dtype,
        embedding_size=seen.embedding.shape[1],
        attribute_size=0 if train.attribute is None else train.attribute.shape[1],
        cells=cells,
        shares=sampling.shares(cells, balanced=method.balanced),
        net=net,
        optimizer=spec.optimizer,
    )
    with torch_stream(train.device, spec.seed, "method"):
        method.start(context)


class Trial:
    """A trial under way.

    Args:
        spec: the trial.
        folder: where its files go; a checkpoint found there is continued.
        data_root: folder of the original data files.
        runs: folder of all runs, where the baselines live.
        device: where to compute.
        open_test: score the test split at the end; only the confirmation of a search does.
        probed: also ask the trained net's embedding for the group (see :mod:`fairtune.training.probe`).
    """

    def __init__(
        self,
        spec: TrialSpec,
        folder: TrialFolder,
        *,
        data_root: Path,
        runs: Path,
        device: torch.device,
        open_test: bool = False,
        probed: bool = False,
    ) -> None:
        began = time.perf_counter()
        forget_peak_memory(device)
        keep_float32_exact()
        self.spec = spec
        self.folder = folder
        self.device = device
        self.probed = probed
        self.data = _open_data_once(_DataKey(spec.dataset.model_dump_json(), spec.train_fraction, data_root, open_test), spec)
        self.history: list[dict[str, float]] = []
        method = compose(spec.method, spec.values)
        check_data(self.data, spec, method)
        train = self.data.on(device, parameter_dtype(spec.precision), self.data.train)
        net = build_net(spec, self.data.info, device, pretrained=not method.starts_from_teacher)
        if method.starts_from_teacher:
            net.load_state_dict(self._baseline_net(runs).state_dict())
        start_method(method, net, train, spec, self.data.cells)
        self.training = Training(
            spec,
            net,
            method,
            train,
            self.data.on(device, train.dtype, self.data.validation),
            num_groups=self.data.num_groups,
            num_classes=self.data.num_classes,
            teacher=self._teacher(runs, train, method) if method.needs_teacher else None,
            class_weights=class_weights(self.data, method, device, train.dtype),
        )
        self._seconds_before = self._restore()
        self._saved_at = time.perf_counter()
        self._seconds_before += self._saved_at - began

    def _baseline_net(self, runs: Path) -> Net:
        if self.spec.teacher is None:
            raise InvalidInput(f"the method {self.spec.method} needs a teacher and the trial names none")
        return load_net(self.spec.teacher, self.data.info, baseline_folder(runs, self.spec.teacher), self.device)

    def _teacher(self, runs: Path, train: DeviceSplit, method: Composite) -> Teacher:
        net = self._baseline_net(runs)
        assert self.spec.teacher is not None
        seen = digest([self.spec.dataset.model_dump(mode="json"), self.spec.train_fraction, self.spec.precision])
        folder = baseline_folder(runs, self.spec.teacher).path / f"outputs-{seen}"
        return open_teacher(net, train, method, precision=self.spec.precision, folder=folder)

    @property
    def done(self) -> bool:
        """Whether all epochs have been trained."""
        return self.training.done

    def run_epoch(self) -> None:
        """Train one epoch, score it, and save a checkpoint if the last one is old.

        Raises:
            Diverged: a loss or an output of the net is not finite.
        """
        record = self.training.run_epoch()
        assert self.training.counts is not None
        val = scores(self.training.counts, weighting=self.data.weighting)
        self.history.append(record | {f"val.{name}": value for name, value in val.items()})
        if not self.done and time.perf_counter() - self._saved_at > CHECKPOINT_EVERY_S:
            self.save_checkpoint()

    def result(self, state: State, error: str | None = None) -> TrialResult:
        """Where the trial stands."""
        counts = self.training.counts
        val = scores(counts, weighting=self.data.weighting) if counts else {}
        if self.history:
            last = self.history[-1]
            val |= {name: last[f"val.{name}"] for name in ("loss", "auc") if f"val.{name}" in last}
        return TrialResult(
            spec=self.spec,
            state=state,
            history=tuple(self.history),
            val=val,
            val_counts=counts.to_json() if counts else None,
            seconds=self._seconds_before + sum(epoch["seconds"] for epoch in self.history),
            peak_memory_mb=peak_memory_mb(self.device),
            error=error,
            versions=_versions(),
        )

    def finish(self) -> TrialResult:
        """Keep the weights and the result of a trial whose epochs are all trained; score the test split if it is open.

        Raises:
            Diverged: an output of the net is not finite.
        """
        result = self.result("complete")
        if self.probed:
            val = result.val | self._probe(self.training.validation, self.data.weighting)
            result = result.model_copy(update={"val": val})
        if self.data.test is not None:
            result = result.model_copy(update=self._tested(self.data.test))
        self.folder.path.mkdir(parents=True, exist_ok=True)
        weights = {name: tensor.contiguous() for name, tensor in self.training.net.state_dict().items()}
        write_atomically(self.folder.weights, lambda path: save_file(weights, path))
        write_atomically(self.folder.result, lambda path: path.write_text(result.model_dump_json()))
        self.folder.checkpoint.unlink(missing_ok=True)
        return result

    def _tested(self, split: Split) -> dict[str, Any]:
        """What the test split says of the trained net."""
        test = self.data.on(self.device, parameter_dtype(self.spec.precision), split)
        scored = evaluate(self.training.net, test, num_groups=self.data.num_groups, precision=self.spec.precision)
        found = scores(scored.counts) | {"loss": scored.loss} | ({} if scored.auc is None else {"auc": scored.auc})
        return {"test": found | (self._probe(test, "samples") if self.probed else {}), "test_counts": scored.counts.to_json()}

    def _probe(self, split: DeviceSplit, weighting: Weighting) -> dict[str, float]:
        net, groups, precision = self.training.net, self.data.num_groups, self.spec.precision
        found = probe(net, split, num_groups=groups, precision=precision, weighting=weighting)
        return {name: value for name, value in found.items() if math.isfinite(value)}

    def fail(self, error: Exception) -> TrialResult:
        """The result of a trial that cannot go on; its checkpoint, perhaps of a net beyond repair, goes."""
        self.folder.checkpoint.unlink(missing_ok=True)
        return self.result("failed", describe(error))

    def save_checkpoint(self) -> None:
        """Keep all that the next epoch depends on."""
        if not self.history:
            return
        state = {
            "id": self.spec.id,
            "training": self.training.state_dict(),
            "history": self.history,
            "seconds_before": self._seconds_before,
            "counts": self.training.counts.to_json() if self.training.counts else None,
        }
        self.folder.path.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder.checkpoint, lambda path: torch.save(state, path))
        self._saved_at = time.perf_counter()

    def _restore(self) -> float:
        """Go on from the checkpoint if there is one of this trial; returns the seconds spent outside epochs so far."""
        if not self.folder.checkpoint.is_file():
            return 0.0
        state = torch.load(self.folder.checkpoint, map_location=self.device, weights_only=True)
        if state["id"] != self.spec.id:
            return 0.0
        self.training.load_state_dict(state["training"])
        self.training.counts = GroupCounts.from_json(state["counts"])
        self.history = state["history"]
        return float(state["seconds_before"])


def run_trial(trial: Trial, report: Callable[[TrialResult], None] = lambda result: None) -> TrialResult:
    """Run a trial to its end in this process.

    Args:
        trial: the trial.
        report: called after each epoch with where the trial stands.
    """
    try:
        while not trial.done:
            trial.run_epoch()
            report(trial.result("running"))
        return trial.finish()
    except Exception as error:
        return trial.fail(error)


def failed(spec: TrialSpec, error: str) -> TrialResult:
    """The result of a trial that could not be run."""
    return TrialResult(spec=spec, state="failed", error=error, versions=_versions())


def describe(error: Exception) -> str:
    """Why a trial failed: a sentence for what is expected to happen, the traceback for what is not."""
    if isinstance(error, Diverged | FairtuneError):
        return str(error)
    if isinstance(error, torch.OutOfMemoryError):
        return f"out of GPU memory: lower --batch-size or raise --gpus-per-trial ({str(error).partition('.')[0]})"
    return "".join(traceback.format_exception(error)).strip()


@dataclass(frozen=True)
class _DataKey:
    dataset: str
    train_fraction: float
    root: Path
    open_test: bool


_opened: dict[_DataKey, Data] = {}


def _open_data_once(key: _DataKey, spec: TrialSpec) -> Data:
    if key not in _opened:
        _opened.clear()
        _opened[key] = open_data(spec, key.root, open_test=key.open_test)
    return _opened[key]


@lru_cache
def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), "torch": torch.__version__, "fairtune": version("fairtune")}
