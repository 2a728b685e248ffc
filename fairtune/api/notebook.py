"""The verbs of ``import fairtune as ft``: what the command line does, with objects in place of files."""

from __future__ import annotations

from fairtune.api.arguments import read, takes
from fairtune.api.console import open_console
from fairtune.api.run import Run
from fairtune.api.search import run
from fairtune.api.train import Trained, train_one
from fairtune.errors import NoFeasibleTrial
from fairtune.report.decoding import progress_bars
from fairtune.request.options import Request, TrainRequest
from fairtune.request.resolve import resolve
from fairtune.study.folders import RunFolder


@takes(Request)
def search(**given: object) -> Run:
    """Search one method's hyperparameters, or several methods', and confirm the choice.

    ``fairtune.search(dataset="digits", method="mfd", trials=16)`` is ``fairtune search --dataset digits --method mfd --trials 16``.
    A class of your own may stand for the name of a dataset, method, model or rule. Called again with the same arguments and the
    ``name`` of a run that was stopped, it goes on. Where no trial reaches the floor, ``Run.chosen`` is None.

    Raises:
        InvalidInput: every fault of the arguments, before anything is trained.
        FairtuneError: the search cannot go on, or was stopped.
    """
    request, console = read(Request, given), open_console()
    with progress_bars(console) as report:
        spec, place = resolve(request, report)
    try:
        run(spec, place, console, request)
    except NoFeasibleTrial as error:
        console.print(str(error), style="bold red", soft_wrap=True)
    return Run(RunFolder.of(place).path)


@takes(TrainRequest)
def train(**given: object) -> Trained:
    """Train one configuration in this process, where a debugger works; hyperparameters not set keep their default.

    Raises:
        InvalidInput: every fault of the arguments, before anything is trained.
        FairtuneError: the training failed.
    """
    return train_one(read(TrainRequest, given), open_console())
