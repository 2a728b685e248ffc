"""Which scheduler a search has, and how it is set."""

from __future__ import annotations

from collections.abc import Mapping

from fairtune.metrics import SCORES
from fairtune.request.faults import Faults
from fairtune.request.options import AUTO, Request
from fairtune.request.plugin_options import options_given, options_of
from fairtune.request.spaces import matching
from fairtune.rules import objectives_of
from fairtune.schedulers import Ladder, Scheduler
from fairtune.space import Hyperparameter, Space
from fairtune.spec import PlugIn

_DEFAULT = "pareto_asha"
_FEWEST_TRIALS = 9
_FEWEST_EPOCHS = 9


def scheduler_options(request: Request) -> dict[str, Hyperparameter]:
    """What can be set of the scheduler, by full name; of ``auto``, what it may come to.

    Raises:
        InvalidInput: there is no such scheduler.
    """
    return options_of("scheduler", Scheduler.load(_DEFAULT if request.scheduler == AUTO else request.scheduler))


def scheduler_of(request: Request, spaces: Mapping[str, Space], epochs: int, faults: Faults) -> PlugIn:
    """The scheduler of a search with all its options.

    ``auto`` is ``pareto_asha`` where it has something to compare and to save: from 9 trials of each method, as far as its space has
    so many settings, and 9 epochs; and where its options are set. It is ``none`` for fewer, and for rules whose scores are
    measured after the training.

    Args:
        request: what the user typed.
        spaces: of each method.
        epochs: of each trial.
        faults: takes those of its options, and whether it cannot judge such trials.

    Raises:
        InvalidInput: there is no such scheduler.
    """
    name = _by_default(request, spaces, epochs) if request.scheduler == AUTO else request.scheduler
    scheduler = Scheduler.load(name)
    found = PlugIn(name=name, options=scheduler.complete(options_given("scheduler", scheduler, request.set, faults)))
    faults.attempt(lambda: Ladder(found.name, objectives_of(request.select), epochs, found.options))
    return found


def _by_default(request: Request, spaces: Mapping[str, Space], epochs: int) -> str:
    if any(matching(setting.key, scheduler_options(request)) for setting in request.set):
        return _DEFAULT
    trials = min(request.trials, sum(space.size for space in spaces.values())) / len(request.methods)
    early = all(SCORES[name].source != "probe" for name in objectives_of(request.select))
    return _DEFAULT if early and trials >= _FEWEST_TRIALS and epochs >= _FEWEST_EPOCHS else "none"
