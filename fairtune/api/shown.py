"""Trained models, and the samples that they are shown for a figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from fairtune.api.model import Model
from fairtune.api.subject import Subject, subject_of
from fairtune.batches.split import DeviceSplit
from fairtune.names import Names
from fairtune.records import Floats, Ints, Split
from fairtune.report.attention import Look
from fairtune.training.attention import attention
from fairtune.training.device import parameter_dtype
from fairtune.training.probe import embed


@dataclass(frozen=True)
class Shown:
    """Models by what they are, and samples that none of them has learnt from."""

    models: Mapping[str, Model]
    split: Split
    device_split: DeviceSplit

    @classmethod
    def of(cls, given: Path, split_name: str) -> Shown:
        """A model by its folder or file, with its search's baseline, and a held-out split of its data.

        Raises:
            InvalidInput: there is no model, or the test split may not be opened.
            DataError: the data are not there, or are others.
        """
        subject = subject_of(given, None)
        data, split = subject.open(split_name, subject.model.data)
        device = subject.model.device
        return cls(_models(subject), split, data.on(device, parameter_dtype(subject.model.spec.precision), split))

    @property
    def names(self) -> Names:
        """Of classes and groups."""
        return next(iter(self.models.values())).names

    def embedded(self, model: Model, positions: Ints) -> tuple[Floats, Ints, Ints]:
        """Embeddings, labels and groups of some samples."""
        z = embed(model.net, self.device_split, torch.from_numpy(positions)).numpy()
        return z, self.split.y[positions], self.split.a[positions]

    def looks(self, model: Model, positions: Ints) -> list[Look]:
        """How a model looks at some samples."""
        found = attention(model.net, self.device_split.batch(torch.from_numpy(positions).to(self.device_split.home)).x)
        return [Look(heat, int(predicted)) for heat, predicted in zip(found.heat, found.predicted, strict=True)]


def _models(subject: Subject) -> dict[str, Model]:
    """The baseline of the search that a model is of, if it is of one, and the model."""
    for run in subject.runs:
        if subject.model.spec != run.spec.baseline():
            return {
                "baseline": run.baseline_model(),
                "chosen" if subject.folder is None else subject.model.spec.method: subject.model,
            }
    return {subject.model.spec.method: subject.model}


def spread(samples: int, most: int) -> Ints:
    """At most so many positions, spread evenly."""
    return np.unique(np.linspace(0, samples - 1, min(samples, most)).round().astype(np.int64))


def one_of_cells(split: Split, most: int) -> Ints:
    """The first sample of some cells, all groups of a class before the next."""
    cell = split.y * split.num_groups + split.a
    firsts: Ints = np.unique(cell, return_index=True)[1]
    return firsts[:most]
