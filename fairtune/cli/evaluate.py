"""``fairtune evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairtune.cli._ensemble import Ensemble
from fairtune.cli._thresholds import Thresholds
from fairtune.cli._told import console, told

What = Annotated[
    Path, typer.Argument(metavar="RUN|WEIGHTS", help="A run, a single training, or weights in one.", show_default=False)
]
Split = Annotated[str, typer.Option("--split", help="validation, or test: that it is opened is noted in the run.")]
Data = Annotated[str | None, typer.Option("--data", help="Folder of the original data files.", show_default="where they were")]


def evaluate(
    what: What, split: Split = "validation", data: Data = None, thresholds: Thresholds = None, ensemble: Ensemble = False
) -> None:
    """Score a trained model on the data that it was trained for: every score with its interval, and every class and group.

    [bold]Examples[/]

      fairtune evaluate runs/digits-mfd-20260101-120000

      fairtune evaluate runs/digits-mfd-20260101-120000 --split test

      fairtune evaluate runs/single/ID/weights.safetensors

      fairtune evaluate runs/digits-mfd-20260101-120000 --thresholds group_thresholds
    """
    with told():
        from fairtune.api.evaluate import evaluate
        from fairtune.report.evaluation import print_evaluation

        found = evaluate(what, split=split, data=data, thresholds=thresholds, ensemble=ensemble)
        nets = max(1, len(found.seeds))
        print_evaluation(console, found.split, found.intervals, found.cells, found.remarks, found.thresholds, nets)
