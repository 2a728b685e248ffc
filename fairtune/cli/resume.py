"""``fairtune resume``."""

from __future__ import annotations

from fairtune.cli._run import Run
from fairtune.cli._told import console, told


def resume(run: Run) -> None:
    """Go on with a search that was stopped or killed; nothing finished is lost or repeated.

    [bold]Example[/]

      fairtune resume runs/digits-mfd-20260101-120000
    """
    with told():
        from fairtune.api.search import resume

        resume(run, console)
