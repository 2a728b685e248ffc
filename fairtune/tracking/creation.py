"""MLflow's database is made by one process at a time: several break it for good."""

from __future__ import annotations

from pathlib import Path

from fairtune.locks import Lock
from fairtune.spec import Place

_SQLITE = "sqlite:///"


def creation_of(place: Place) -> Lock:
    """The lock that whoever opens the records of a search holds until they are open, and with that made.

    MLflow makes the tables when a database is opened for the first time, in steps that others' steps must not come between.
    """
    folder, name = Path(place.runs), "mlflow"
    if place.mlflow.startswith(_SQLITE):
        file = Path(place.mlflow.removeprefix(_SQLITE))
        folder, name = file.parent, file.name
    return Lock(folder / f".{name}.lock", "MLflow's database")
