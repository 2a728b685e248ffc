"""``fairtune ui``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairtune.cli._told import console, told

Folder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or of all runs.")]
Port = Annotated[int, typer.Option(help="Port on this machine; 0 for one that is free.")]


Live = Annotated[bool, typer.Option("--live", help="A page of a running search's front that grows, until the search has ended.")]


def ui(folder: Folder = Path("runs"), port: Port = 5000, live: Live = False) -> None:
    """Open a run in MLflow's web interface, or its front while it grows, on this machine only.

    [bold]Examples[/]

      fairtune ui runs/digits-mfd-20260101-120000

      fairtune ui runs/digits-mfd-20260101-120000 --live
    """
    with told():
        if live:
            from fairtune.api.live import watch

            watch(folder, port, console)
            return
        from fairtune.tracking.browse import browse

        browse(folder, port, console)
