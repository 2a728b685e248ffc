"""``fairtune figure``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairtune.cli._told import console, told

Kinds = Annotated[
    str,
    typer.Argument(
        help="embedding, pairs, strength, progression, pruning, attention; several joined by commas.",
        show_default=False,
    ),
]
Given = Annotated[
    list[Path],
    typer.Argument(
        metavar="RUN...", help="Folder of a run; for pairs of several; or a training's folder or weights.", show_default=False
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for the files.", show_default="RUN/papers")]
Split = Annotated[str, typer.Option(help="Samples of embedding and attention: validation, or test, which is noted to be opened.")]
Samples = Annotated[int, typer.Option(min=1, help="How many of them at most.")]
Trials = Annotated[str, typer.Option(help="Numbers of the trials of a progression, as 0,3,7.", show_default="a few that differ")]


def figure(
    kinds: Kinds, given: Given, out: Out = None, split: Split = "validation", samples: Samples = 1000, trials: Trials = ""
) -> None:
    """Draw figures as papers have them, each as PNG, SVG and CSV: docs/figures.md tells what each shows.

    [bold]Examples[/]

      fairtune figure embedding,attention runs/digits-mfd-20260101-120000

      fairtune figure pairs runs/resnet runs/shufflenet --out pictures

      fairtune figure progression runs/digits-mi --trials 0,3,7
    """
    with told():
        from fairtune.api.figures import Wanted, draw_figures, numbers_of

        draw_figures(kinds.split(","), Wanted(given, split, samples, numbers_of(trials)), console, out)
