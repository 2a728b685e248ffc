"""``fairtune compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairtune.cli._told import console, told

Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of two runs or more.", show_default=False)]
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder for comparison.json, comparison.md and figures.", show_default="none")
]


def compare(runs: Runs, out: Out = None) -> None:
    """Set searches side by side: their choices on test, the joint front, hypervolume and cost; over several data sets, methods.

    [bold]Examples[/]

      fairtune compare runs/digits-mfd runs/digits-hkd --out comparison

      fairtune compare runs/digits-* runs/adult-* --out methods
    """
    with told():
        from fairtune.api.compare import compare_runs

        compare_runs(runs, console, out)
