"""``fairtune run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairtune.cli._options import takes
from fairtune.cli._told import console, told
from fairtune.request.options import Request

Pipeline = Annotated[
    Path, typer.Argument(metavar="PIPELINE", help="YAML file, or the name of one that comes with fairtune.", show_default=False)
]


@takes(Request, "data", "runs")
def run(given: dict[str, object], pipeline: Pipeline) -> None:
    """Run the searches of a pipeline and print them beside the published figures.

    [bold]Example[/]

      fairtune run pipelines/digits.yaml
    """
    with told():
        from fairtune.pipeline import run

        request = Request.read(given)
        run(pipeline, request.data, request.runs, console)
