"""``--download``: fetch a dataset's files first."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from fairtune.datasets import Dataset
from fairtune.errors import InvalidInput
from fairtune.files import data_root
from fairtune.request.options import DataRequest

Download = Annotated[bool, typer.Option("--download", help="Fetch the data first, where there is a network.")]


def download(request: DataRequest) -> None:
    """Fetch the files of a request's dataset.

    Raises:
        InvalidInput: nobody knows where from; how to get them by hand.
        DataError: they could not be fetched.
    """
    dataset = Dataset.load(request.dataset)
    module = import_module(dataset.__module__)
    if not hasattr(module, "download"):
        raise InvalidInput(f"--download: the dataset {request.dataset} cannot be fetched; {dataset.obtain}")
    module.download(data_root(request.data))
