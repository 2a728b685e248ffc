"""``fairtune doctor``."""

from __future__ import annotations

import typer
from rich.text import Text

from fairtune.cli._options import takes
from fairtune.cli._told import console, told
from fairtune.request.options import Request

_WIDTH = 16


@takes(
    Request,
    *("data", "precision", "runs", "study", "address", "cpus_per_trial", "gpus_per_trial", "memory_per_trial", "max_concurrent"),
)
def doctor(given: dict[str, object]) -> None:
    """Look at what a search would use on this machine or cluster, and say what is wrong; exit code 1 if anything is.

    [bold]Example[/]

      fairtune doctor --runs /data/runs
    """
    with told():
        request = Request.read(given)
        from fairtune.api.doctor import examine
        from fairtune.request.resolve import resolve_place

        faults = 0
        for found in examine(resolve_place(request), request.precision):
            faults += found.fault is not None
            console.print(Text(f"{found.topic:<{_WIDTH}}"), Text(found.text), soft_wrap=True)
            if found.fault is not None:
                console.print(Text(f"{'':<{_WIDTH}} wrong: {found.fault}", style="red"), soft_wrap=True)
        console.print(f"{faults} thing{'s' * (faults != 1)} to mend" if faults else "nothing is wrong", style="bold")
    if faults:
        raise typer.Exit(1)
