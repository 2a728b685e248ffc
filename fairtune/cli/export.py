"""``fairtune export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairtune.cli._ensemble import Ensemble
from fairtune.cli._run import Run
from fairtune.cli._thresholds import Thresholds
from fairtune.cli._told import console, told
from fairtune.cli._values import Values

To = Annotated[
    Path | None, typer.Option("--to", metavar="FOLDER", help="Where to write.", show_default="export in the run's folder")
]


def export(run: Run, to: To = None, settings: Values = None, thresholds: Thresholds = None, ensemble: Ensemble = False) -> None:
    """Write the chosen model as files that need no fairtune: weights, a program of torch, ONNX, a card, a script that predicts.

    [bold]Examples[/]

      fairtune export runs/digits-mfd-20260101-120000

      fairtune export runs/digits-mfd-20260101-120000 --to model

      fairtune export runs/digits-mfd-20260101-120000 --thresholds shared_thresholds

      fairtune export runs/digits-mfd-20260101-120000 --ensemble
    """
    with told():
        from fairtune.api.export import FILES
        from fairtune.api.run import open_run

        folder = open_run(run).export(to, settings or (), thresholds, ensemble=ensemble)
        for name in FILES:
            if (folder / name).exists():
                console.print(str(folder / name), soft_wrap=True)
