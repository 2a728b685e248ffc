"""``fairtune resume``."""

from __future__ import annotations

from typing import Annotated

import typer

from fairtune.cli._run import Run
from fairtune.cli._told import console, told

Records = Annotated[str | None, typer.Option("--tracking-uri", help="Where MLflow's records are now.", show_default="as before")]


def resume(run: Run, tracking_uri: Records = None) -> None:
    """Go on with a search that was stopped or killed; nothing finished is lost or repeated.

    [bold]Example[/]

      fairtune resume runs/digits-mfd-20260101-120000
    """
    with told():
        from fairtune.api.search import resume

        resume(run, console, tracking_uri)
