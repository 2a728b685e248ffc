"""``fairtune plan``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairtune.cli._options import takes
from fairtune.cli._told import console, told
from fairtune.request.options import Request

_PANEL = "Machine"
On = Annotated[
    str | None,
    typer.Option(
        "--on", help="Card: a100, a100-80, a10g, h100, l4, t4.  [dim]\\[default: this machine][/]", rich_help_panel=_PANEL
    ),
]
Cluster = Annotated[Path | None, typer.Option("--cluster", help="File for Ray's launcher.", rich_help_panel=_PANEL)]
Peak = Annotated[
    float | None, typer.Option("--peak-tflops", min=0.001, help="Peak of another card, in TFLOP/s.", rich_help_panel=_PANEL)
]
Memory = Annotated[float | None, typer.Option("--memory-gib", min=0.1, help="Its memory.", rich_help_panel=_PANEL)]
Price = Annotated[float | None, typer.Option("--price-per-hour", min=0, help="Of one GPU.", rich_help_panel=_PANEL)]
Share = Annotated[
    float | None,
    typer.Option("--utilisation", min=0.001, max=1, help="Share of the peak that training reaches.", rich_help_panel=_PANEL),
]


@takes(Request)
def plan(
    given: dict[str, object],
    on: On = None,
    cluster: Cluster = None,
    peak_tflops: Peak = None,
    memory_gib: Memory = None,
    price_per_hour: Price = None,
    utilisation: Share = None,
) -> None:
    """Say what a search would take, before anything is trained or rented: operations, memory, hours, cost, disk.

    [bold]Examples[/]

      fairtune plan --method mfd,ad --trials 60

      fairtune plan --dataset celeba --model resnet18 --method mfd,ad --trials 60 --on h100
    """
    with told():
        request = Request.read(given)
        from fairtune.api.measured import Measured
        from fairtune.api.plan import make_plan
        from fairtune.api.where import Where

        where = Where(on, cluster, peak_tflops, memory_gib, price_per_hour, utilisation)
        with Measured.open() as measured:
            plan = make_plan(request, where, console, measured)
        plan.print(console)
