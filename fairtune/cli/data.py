"""``fairtune data``: prepare and look at datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairtune.cli._download import Download, download
from fairtune.cli._options import takes
from fairtune.cli._told import console, told
from fairtune.request.options import DataRequest

app = typer.Typer(help="Prepare and look at datasets.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="DATASET", help="Name: see fairtune list datasets.", show_default=False)]
Policy = Annotated[str, typer.Option("--on-bad-image", help="error, or skip: leave images out that cannot be read.")]
Out = Annotated[Path | None, typer.Option(help="Folder of the page.", show_default="DATASET-inspection")]
Pictures = Annotated[bool, typer.Option("--pictures", help="Show pictures whose licence does not allow them to be passed on.")]
Near = Annotated[bool, typer.Option("--near-duplicates", help="Look for images that look alike, across splits too.")]


@app.command()
@takes(DataRequest, "data", "set", "seed", "protocol")
def prepare(given: dict[str, object], dataset: Name, on_bad_image: Policy = "error", fetch: Download = False) -> None:
    """Check a dataset's files and decode them into the cache, once per machine; a search would do it too.

    [bold]Example[/]

      fairtune data prepare cifar10s --data data
    """
    with told():
        request = DataRequest.read({**given, "dataset": dataset})
        if fetch:
            download(request)
        from fairtune.api.data import prepare_data

        prepare_data(request, on_bad_image, console)


@app.command()
@takes(DataRequest, "data", "set", "seed", "protocol")
def inspect(
    given: dict[str, object], dataset: Name, out: Out = None, pictures: Pictures = False, near_duplicates: Near = False
) -> None:
    """Count the samples of each group and class, measure the skew, and show all that is odd on one page.

    [bold]Example[/]

      fairtune data inspect digits --set skew=0.9
    """
    with told():
        request = DataRequest.read({**given, "dataset": dataset})
        from fairtune.api.inspection import inspect_data

        folder = out or Path(f"{dataset.replace(':', '.')}-inspection")
        inspect_data(request, folder, console, pictures=pictures, near_duplicates=near_duplicates)
