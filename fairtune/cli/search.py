"""``fairtune search``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairtune.cli._download import Download, download
from fairtune.cli._options import takes
from fairtune.cli._told import console, told
from fairtune.request.options import Request

File = Annotated[
    Path | None,
    typer.Argument(help="A request as RUN/spec.yaml keeps it; options given beside it go before.", show_default=False),
]


@takes(Request)
def search(given: dict[str, object], file: File = None, fetch: Download = False) -> None:
    """Search one method's hyperparameters, or several methods', and confirm the choice.

    [bold]Examples[/]

      fairtune search

      fairtune search --dataset cifar10s --data data --method mfd --trials 30

      fairtune search --method mfd,ss+hkd --accuracy-floor 0.93 --set weight=0.1..10

      fairtune search runs/digits-mfd-20260101-120000/spec.yaml --seed 1
    """
    with told():
        request = Request.read(given) if file is None else Request.from_file(file, given)
        if fetch:
            download(request)
        from fairtune.api.search import search

        search(request, console)
