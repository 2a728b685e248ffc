"""Which scheduler a search has, and how it is set."""

from __future__ import annotations

from fairtune.request.faults import Faults
from fairtune.request.options import Request
from fairtune.request.plugin_options import options_given, options_of
from fairtune.rules import objectives_of
from fairtune.schedulers import Ladder, Scheduler
from fairtune.space import Hyperparameter
from fairtune.spec import PlugIn


def scheduler_options(request: Request) -> dict[str, Hyperparameter]:
    """What can be set of the scheduler, by full name.

    Raises:
        InvalidInput: there is no such scheduler.
    """
    return options_of("scheduler", Scheduler.load(request.scheduler))


def scheduler_of(request: Request, epochs: int, faults: Faults) -> PlugIn:
    """The scheduler of a search with all its options.

    Args:
        request: what the user typed.
        epochs: of each trial.
        faults: takes those of its options, and whether it cannot judge such trials.

    Raises:
        InvalidInput: there is no such scheduler.
    """
    scheduler = Scheduler.load(request.scheduler)
    options = scheduler.complete(options_given("scheduler", scheduler, request.set, faults))
    faults.attempt(lambda: Ladder(request.scheduler, objectives_of(request.select), epochs, options))
    return PlugIn(name=request.scheduler, options=options)
