"""``fairtune cluster``: the machines of a search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairtune.cli._told import console, told

app = typer.Typer(help="The machines of a search.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The machines of a search."""


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A file for `ray up`.")] = Path("cluster.yaml")) -> None:
    """Find the faults of a cluster file before a machine is rented; asks no cloud.

    [bold]Example[/]

      fairtune cluster check cluster.yaml
    """
    with told():
        from fairtune.search.launcher import read_cluster_file, summary

        config = read_cluster_file(file)
        for line in summary(config):
            console.print(line)
        console.print(f"{file}: no fault found. Prices, quotas, images and your rights are known to the cloud alone.")
