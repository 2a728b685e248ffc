"""``fairtune train``."""

from __future__ import annotations

from fairtune.cli._download import Download, download
from fairtune.cli._options import takes
from fairtune.cli._told import console, told
from fairtune.request.options import TrainRequest


@takes(TrainRequest)
def train(given: dict[str, object], fetch: Download = False) -> None:
    """Train one configuration in this process, where a debugger works; hyperparameters not set keep their default.

    [bold]Example[/]

      fairtune train --method mfd --set weight=3 --epochs 10
    """
    with told():
        request = TrainRequest.read(given)
        if fetch:
            download(request)
        from fairtune.api.train import train_one

        train_one(request, console)
