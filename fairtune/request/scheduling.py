"""Which scheduler a search has, and how it is set."""

from __future__ import annotations

from fairtune.metrics import SCORES
from fairtune.request.faults import Faults
from fairtune.request.options import Request
from fairtune.request.plugin_options import options_given, options_of
from fairtune.rules import objectives_of
from fairtune.schedulers import Ladder, Scheduler
from fairtune.space import Hyperparameter
from fairtune.spec import PlugIn

_DEFAULT, _TRIALS, _EPOCHS = "pareto_asha", 30, 9
"""Who judges unless said, from how many trials of each method and epochs of each trial: with fewer a rung ranks next to none."""


def scheduler_named(request: Request, settings: float, epochs: int) -> str:
    """The scheduler that a user wants, or the one that his search has by default.

    Args:
        request: what the user typed.
        settings: how many there are to try; infinite as soon as one real range is searched.
        epochs: of each trial.

    Raises:
        InvalidInput: the rule of the request is not known.
    """
    if request.scheduler is not None:
        return request.scheduler
    enough = min(request.trials, settings) >= _TRIALS * len(request.methods) and epochs >= _EPOCHS
    late = any(SCORES[score].source == "probe" for score in objectives_of(request.select))
    return _DEFAULT if enough and not late else "none"


def scheduler_options(name: str) -> dict[str, Hyperparameter]:
    """What can be set of a scheduler, by full name.

    Raises:
        InvalidInput: there is no such scheduler.
    """
    return options_of("scheduler", Scheduler.load(name))


def scheduler_of(name: str, request: Request, epochs: int, faults: Faults) -> PlugIn:
    """The scheduler of a search with all its options.

    Args:
        name: of the scheduler.
        request: what the user typed.
        epochs: of each trial.
        faults: takes those of its options, and whether it cannot judge such trials.

    Raises:
        InvalidInput: there is no such scheduler.
    """
    scheduler = Scheduler.load(name)
    options = scheduler.complete(options_given("scheduler", scheduler, request.set, faults))
    faults.attempt(lambda: Ladder(name, objectives_of(request.select), epochs, options))
    return PlugIn(name=name, options=options)
