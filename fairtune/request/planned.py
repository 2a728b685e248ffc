"""What a search would train on, known from its data or, before they are there, from what is published of them."""

from __future__ import annotations

from pathlib import Path

from fairtune.datasets import Info, Report, silent
from fairtune.errors import DataError
from fairtune.request.faults import Faults
from fairtune.request.options import Request
from fairtune.request.resolve import resolve_place, specify
from fairtune.request.runnable import check_runnable
from fairtune.spec import Place, PlugIn, SearchSpec
from fairtune.training.cost import Shape
from fairtune.training.data import Data, make_dataset, open_data


def resolve_plan(
    request: Request, report: Report = silent, *, checked: bool = False
) -> tuple[SearchSpec, Place, Shape, Data | None]:
    """A search that is only planned.

    Args:
        request: what the user typed.
        report: told how far the decoding of the data is, where they are there.
        checked: whether it is known to be a search that may start.

    Returns:
        The search, where it would run, the shape of its data, and the data; None where only what is published of them is known.

    Raises:
        InvalidInput: every fault of the request.
        DataError: the data are not there, and nothing is known of them without.
    """
    faults = Faults()
    place = resolve_place(request)
    root = Path(place.data)

    def describe(plugin: PlugIn) -> Info:
        dataset = make_dataset(plugin)
        try:
            return dataset.describe(root)
        except DataError:
            if (known := dataset.published()) is None:
                raise
            return known.info

    spec = specify(request, faults, describe)
    faults.raise_if_any()
    assert spec is not None
    dataset = make_dataset(spec.dataset)
    try:
        dataset.check(root)
    except DataError:
        if (known := dataset.published()) is None:
            raise
        return spec, place, Shape(known.info, known.stored, int(known.train * spec.train_fraction), known.validation), None
    if not checked:
        check_runnable(spec, place, faults, report)
        faults.raise_if_any()
    data = open_data(spec.plain(), root)
    return spec, place, Shape.of(data), data
