"""A model with its thresholds moved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fairtune.api.model import Model
from fairtune.spec import SearchSpec
from fairtune.study.fitted import check_way, fit
from fairtune.training.data import open_data
from fairtune.training.device import keep_float32_exact, parameter_dtype


def with_thresholds(model: Model, name: str, spec: SearchSpec, floor: float, root: Path | None = None) -> Model:
    """A model with a way of :mod:`fairtune.thresholds` fitted to it on the validation split.

    Args:
        model: as it was trained.
        name: of the way.
        spec: the search that it is of, whose rule picks the point of the way's front.
        floor: the validation accuracy that it must reach.
        root: folder of the original data files; None for the model's own.

    Raises:
        InvalidInput: there is no such way, or no point of it reaches the floor.
        DataError: the data are not there, or are others, or a group has too few validation samples.
    """
    check_way(name)
    keep_float32_exact()
    data = open_data(model.spec, model.data if root is None else root)
    validation = data.on(model.device, parameter_dtype(model.spec.precision), data.validation)
    return replace(model, thresholds=fit(name, model.net, validation, data.weighting, spec, floor))
