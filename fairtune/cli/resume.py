"""``fairtune resume``."""

from __future__ import annotations

from typing import Annotated

import typer

from fairtune.cli._options import takes
from fairtune.cli._run import Run
from fairtune.cli._told import console, told
from fairtune.request.options import MOVABLE, Request
from fairtune.spec import Limits

Records = Annotated[str | None, typer.Option("--tracking-uri", help="Where MLflow's records are now.", show_default="as before")]


@takes(Request, *Limits.model_fields, *MOVABLE, unless_given="as before")
def resume(more: dict[str, object], run: Run, tracking_uri: Records = None) -> None:
    """Go on with a search that was stopped or killed, with more of a budget or elsewhere; nothing finished is lost or repeated.

    [bold]Examples[/]

      fairtune resume runs/digits-mfd-20260101-120000

      fairtune resume runs/digits-mfd-20260101-120000 --trials 40 --time-budget 2h

      fairtune resume runs/digits-mfd-20260101-120000 --gpus-per-trial 0 --max-concurrent 4
    """
    with told():
        from fairtune.api.search import resume

        resume(run, console, tracking_uri, more)
