"""The splits of a trial, opened as its purpose allows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from fairtune.batches import sampling
from fairtune.batches.augment import Augment
from fairtune.batches.split import DeviceSplit
from fairtune.datasets import Dataset, Info, lost_cells, open_part, open_splits
from fairtune.errors import DataError
from fairtune.methods import Composite
from fairtune.metrics import Weighting
from fairtune.records import Ints, Purpose, Split
from fairtune.spec import PlugIn, TrialSpec
from fairtune.training.sight import seen_by_teacher


@dataclass(frozen=True)
class Data:
    """The splits of a trial; ``test`` is there only in the confirmation of a search. ``remarks`` are what a user should know.

    ``seen`` are the images of ``train`` as a teacher sees them that does not see what its student sees.
    """

    info: Info
    train: Split
    validation: Split
    test: Split | None = None
    remarks: tuple[str, ...] = ()
    seen: tuple[Split, ...] = ()

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
    return Dataset.load(plugin.name).build(**plugin.options)


def open_data(spec: TrialSpec, root: Path, purpose: Purpose = Purpose.SEARCH) -> Data:
    """Open a trial's splits.

    Args:
        spec: the trial.
        root: folder of the original files.
        purpose: what the trial is for; whether its test split is opened too.

    Raises:
        DataError: the files are missing or damaged, or have changed since they became part of the specification.
    """
    dataset, digest = make_dataset(spec.dataset), spec.dataset.digest
    info = dataset.describe(root)
    splits = open_splits(dataset, root, spec.train_fraction, digest=digest)
    test = None
    if purpose.opens_test:
        test = dataset.test_split(open_part(dataset, root, "test", purpose=purpose, digest=digest), info)
    whole = splits if spec.train_fraction == 1 else open_splits(dataset, root, digest=digest)
    remarks = lost_cells(whole["train"], splits["train"], info)
    seen: tuple[Split, ...] = ()
    if spec.teacher is not None and spec.teacher_sees is not None:
        seen = seen_by_teacher(splits["train"], make_dataset(spec.teacher.dataset), root, spec.teacher_sees)
    return Data(info, splits["train"], splits["validation"], test, tuple(remarks), seen)


@dataclass(frozen=True)
class _Key:
    """What the splits of a trial depend on."""

    dataset: str
    train_fraction: float
    root: Path
    opens_test: bool
    teacher: str


_opened: dict[_Key, Data] = {}


def open_data_once(spec: TrialSpec, root: Path, purpose: Purpose) -> Data:
    """As :func:`open_data`, but a process that trains one trial after another on the same data opens them once."""
    seen = "" if spec.teacher is None or spec.teacher_sees is None else f"{spec.teacher_sees} {spec.teacher.dataset}"
    key = _Key(spec.dataset.model_dump_json(), spec.train_fraction, root, purpose.opens_test, seen)
    if key not in _opened:
        _opened.clear()
        _opened[key] = open_data(spec, root, purpose)
    return _opened[key]


def check_data(data: Data, spec: TrialSpec, method: Composite) -> None:
    """Check that every batch of a trial can be filled, and that every component of its method has something to compare.

    Raises:
        InvalidInput, DataError: what is too small, and what to do.
    """
    train = data.train
    if train.num_groups < 2 or train.num_classes < 2:
        few = f"{train.num_groups} group(s) and {train.num_classes} class(es)"
        raise DataError(f"the dataset {spec.dataset.name} has {few}: fairness compares at least two groups on at least two classes")
    sampling.check_batch_size(len(train), spec.batch_size)
    _check_effect(train.cells, spec, method)
    if not method.balances(spec.dataset):
        return
    try:
        sampling.check_cells(train.cells, spec.batch_size, data.info.names)
    except DataError as error:
        named = "+".join(method.parts)
        unbiased = "" if method.trains_net else f"the method {named} needs an unbiased set, and balances its batches for it: "
        raise DataError(f"{unbiased}{error}") from None


def _check_effect(cells: Ints, spec: TrialSpec, method: Composite) -> None:
    """Check that no component compares what the training data, ``cells`` ``(A, K)``, do not have: it would train the plain net."""
    several = {"groups within classes": (cells > 0).sum(0).max() > 1, "classes within groups": (cells > 0).sum(1).max() > 1}
    for name, part in method.parts.items():
        within = part.acts_within(spec.protocol)
        if within and not any(several[one] for one in within):
            raise DataError(
                f"{name} has nothing to act on: it is about {' or '.join(within)}, and the training data of {spec.dataset.name} "
                "have none, as label and group go together. Compare groups over all samples: set criterion=dp or statistic=pr "
                "where the method has it, or take dp_l2 or dp_mi"
            )
