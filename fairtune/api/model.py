"""A trained net that takes raw images and answers with names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor

from fairtune.api.groups import numbers_of
from fairtune.api.inputs import as_batch
from fairtune.api.offsets import Offsets
from fairtune.api.raw import RawModel, raw_model
from fairtune.batches.split import SCORING_BATCH
from fairtune.datasets import Dataset, Info
from fairtune.errors import InvalidInput
from fairtune.models import Net
from fairtune.names import Names
from fairtune.request.faults import Faults
from fairtune.request.plugin_options import check_keys, options_given, options_of
from fairtune.request.settings import read_settings
from fairtune.spec import TrialSpec
from fairtune.study.fitted import Fitted
from fairtune.training.assembly import load_net, load_weights
from fairtune.training.device import keep_float32_exact, pick_device
from fairtune.training.folder import TrialFolder

_VALUES = 2**24
"""Of images that are resized at a time."""


class Prediction(NamedTuple):
    """What a model says of some images.

    Attributes:
        labels: the most probable class of each, by name.
        probabilities: ``(N, K)``, a row for each image and a column for each class, by name; rows sum to 1.
    """

    labels: list[str]
    probabilities: pd.DataFrame


@dataclass(frozen=True)
class Model:
    """A trained net with the names of its classes and groups.

    Attributes:
        net: the net, in evaluation mode; it takes images ``(B, C, H, W)`` in [0, 1], or vectors ``(B, F)``.
        classes: name of each class, in the order of its logits.
        groups: name of each group that its fairness was scored on.
        shape: of what the net sees, ``(C, H, W)`` or ``(F,)``.
        spec: how it was trained.
        data: folder of the original data files.
        thresholds: what moves the net's decisions; None where they are left alone.
        members: how each of the nets was trained whose probabilities are averaged, where it is an ensemble; else none.
    """

    net: Net
    classes: tuple[str, ...]
    groups: tuple[str, ...]
    shape: tuple[int, ...]
    spec: TrialSpec
    data: Path
    thresholds: Fitted | None = None
    members: tuple[TrialSpec, ...] = ()

    @property
    def device(self) -> torch.device:
        """Where the net is."""
        return next(self.net.parameters()).device

    @property
    def by_group(self) -> bool:
        """Whether it has to be told the group of what it decides on."""
        return self.thresholds is not None and self.thresholds.way.needs_group

    @torch.no_grad()
    def predict(self, images: object, groups: Sequence[str] | None = None) -> Prediction:
        """Labels and probabilities of raw images, which are scaled and resized as those that the model was scored on.

        Args:
            images: an image, height x width x channels with whole numbers from 0 to 255 or of Pillow; a list of images; or a batch
                ``(N, H, W, C)``. For a model of tables a vector as its dataset stores it, or one row per sample.
            groups: name of the group of each, for a model whose thresholds were moved by group, and for no other.

        Raises:
            InvalidInput: the model cannot take them; what it takes.
        """
        keep_float32_exact()
        raw, device = self.raw(), self.device
        batches = [part for given in as_batch(images, self.shape) for part in torch.split(given, _at_once(given))]
        sizes = [len(batch) for batch in batches]
        numbers = numbers_of(groups, self.groups if self.by_group else None, sum(sizes))
        told = [None] * len(sizes) if numbers is None else numbers.to(device).split(sizes)
        found = [_probabilities(raw, batch.to(device), group).cpu() for batch, group in zip(batches, told, strict=True)]
        probabilities = torch.cat(found).numpy()
        labels = [self.classes[y] for y in probabilities.argmax(axis=1)]
        return Prediction(labels, pd.DataFrame(probabilities, columns=pd.Index(self.classes)))

    @property
    def names(self) -> Names:
        """Of classes and groups, in sentences."""
        return Names(self.classes, self.groups)

    def reading_by(self, settings: Sequence[str]) -> Model:
        """The same model for images whose values mean something else than those that it was trained on, such as 12 of 16 bits.

        Args:
            settings: of the options of its dataset that say what values mean, as ``depth=12``, ``window=0..4095``.

        Raises:
            InvalidInput: there is no such option, or no such value.
        """
        if not settings:
            return self
        faults, dataset = Faults(), Dataset.load(self.spec.dataset.name)
        known = options_of("dataset", dataset)
        known = {name: option for name, option in known.items() if name.removeprefix("dataset.") in dataset.tells_values}
        if not known:
            raise InvalidInput(
                f"--set {settings[0]}: the dataset {self.spec.dataset.name} reads values in one way only: leave it out"
            )
        typed = faults.attempt(lambda: read_settings(settings)) or []
        check_keys(known, typed, faults, kind="option of images' values")
        given = options_given("dataset", dataset, typed, faults)
        faults.raise_if_any()
        plugin = self.spec.dataset.model_copy(update={"options": self.spec.dataset.options | given})
        model = replace(self, spec=self.spec.model_copy(update={"dataset": plugin}))
        model.raw()
        return model

    def raw(self) -> RawModel:
        """The net with all that is done to raw inputs first, as a module of torch."""
        offsets = None if self.thresholds is None else Offsets.of(self.thresholds.adjustment).to(self.device)
        return raw_model(self.net, self.shape, self.spec, offsets)

    def __repr__(self) -> str:
        moved = "" if self.thresholds is None else f" with {self.thresholds.name}"
        several = f"ensemble of {len(self.members)}: " if self.members else ""
        return (
            f"<fairtune model {several}{self.spec.model.name} of {len(self.classes)} classes, trained by {self.spec.method}{moved}>"
        )


def _at_once(given: Tensor) -> int:
    """How many inputs of a batch are predicted at a time: fewer where images are large."""
    return max(1, min(SCORING_BATCH, _VALUES // given[0].numel()))


def _probabilities(raw: RawModel, batch: Tensor, group: Tensor | None) -> Tensor:
    if raw.reading is not None and batch.shape[1:3] == raw.reading.size:
        return raw.of_stored(batch.permute(0, 3, 1, 2), group)
    found: Tensor = raw(batch, group)
    return found


def load_model(spec: TrialSpec, names: Names, shape: tuple[int, ...], folder: TrialFolder, data: Path) -> Model:
    """A trained model from its folder; nothing of its data is read.

    Args:
        spec: how it was trained.
        names: of classes and groups.
        shape: of what the net sees.
        folder: where its weights are.
        data: folder of the original data files.

    Raises:
        InvalidInput: the weights are not there, or do not fit.
    """
    if not folder.weights.is_file():
        raise InvalidInput(f"the model has no weights: {folder.weights} is missing")
    net = load_net(spec, _info(spec, names, shape), folder, pick_device(float(torch.cuda.is_available())))
    return Model(net.eval(), names.classes, names.groups, shape, spec, data)


def load_exported(spec: TrialSpec, names: Names, shape: tuple[int, ...], weights: Path, data: Path) -> Model:
    """As :func:`load_model`, of a file of weights that was handed on.

    Raises:
        InvalidInput: the weights do not fit.
    """
    device = pick_device(float(torch.cuda.is_available()))
    net = load_weights(spec, _info(spec, names, shape), weights, device, "export the run again")
    return Model(net.eval(), names.classes, names.groups, shape, spec, data)


def _info(spec: TrialSpec, names: Names, shape: tuple[int, ...]) -> Info:
    """As much of the data as a net depends on."""
    return Info(
        classes=names.classes,
        groups=names.groups,
        shape=shape,
        balanced_test=False,
        model=spec.model.name,
        epochs=spec.epochs,
    )
