"""``fairtune ui``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairtune.cli._told import console, told

Folder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or of all runs.")]
Port = Annotated[int, typer.Option(help="Port on this machine; 0 for one that is free.")]


def ui(folder: Folder = Path("runs"), port: Port = 5000) -> None:
    """Open a run in MLflow's web interface, on this machine only.

    [bold]Example[/]

      fairtune ui runs/digits-mfd-20260101-120000
    """
    with told():
        from fairtune.tracking.browse import browse

        browse(folder, port, console)
