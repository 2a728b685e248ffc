"""``fairtune choose``."""

from __future__ import annotations

from typing import Annotated

import typer

from fairtune.cli._run import Run
from fairtune.cli._told import console, told

Select = Annotated[str, typer.Option("--select", help="Rule that chooses: see fairtune list rules.", show_default=False)]


def choose(run: Run, select: Select) -> None:
    """Say what another rule would choose of a search; the search keeps its choice and the test split stays as it is.

    [bold]Example[/]

      fairtune choose runs/digits-mfd-20260101-120000 --select dto
    """
    with told():
        from fairtune.api.choose import choose

        choose(run, select, console)
